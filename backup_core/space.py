"""How much space a run will need, and whether it may have it."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backup_core.ancestor import existing_ancestor
from backup_core.context import Context
from backup_core.errors import SettingsError, StorageFullError
from backup_core.events import RUN_SERIALIZED
from backup_core.model import Snapshot, Table
from backup_core.repository.local import LocalRepository
from backup_core.sizes import human_size
from backup_core.snapshot import data_directories
from backup_core.source_errors import source_errors
from backup_core.storage_errors import storage_errors


@dataclass(frozen=True, slots=True)
class SpacePlan:
    """Which tables may have their snapshots at the same time, and which there is no room for at all."""

    groups: tuple[tuple[Table, ...], ...]
    refused: dict[Table, StorageFullError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Need:
    """What one table needs, in bytes by device: pinned by its snapshot for a while, stored for good."""

    pinned: Counter[int] = field(default_factory=Counter)
    stored: Counter[int] = field(default_factory=Counter)

    @property
    def total(self) -> Counter[int]:
        return self.pinned + self.stored


@dataclass(frozen=True, slots=True)
class _Disk:
    path: Path
    free_bytes: int
    floor_bytes: int


def plan_space(context: Context, tables: Sequence[Table]) -> SpacePlan:
    """Group a run's tables so that none of the disks falls below its floor.

    A snapshot pins its table's files while the node may compact them into new ones, so it counts with its full size
    on the data disk until it is cleared; an archive counts with the size of what goes into it, and stays.

    Args:
        context: where the node and the repositories are.
        tables: in the order of the run.

    Returns:
        All tables as one group if they fit together, else each as a group of its own; those that would cross the
        floor even so are refused, each with the error that says by how much.

    Raises:
        SourceError, PermissionDeniedError: the data directory can't be read.
    """
    directories = data_directories(context)
    needs = {table: _need(context, directories, table) for table in tables}
    disks = _disks(context, directories)
    together = sum((need.total for need in needs.values()), Counter[int]())
    if _crossed(disks, together) is None:
        return SpacePlan((tuple(tables),) if tables else ())
    context.reporter.event(RUN_SERIALIZED, tables=len(tables), needed_bytes=sum(together.values()))
    groups, refused = [], {}
    stored: Counter[int] = Counter()
    for table, need in needs.items():
        disk = _crossed(disks, need.total + stored)
        if disk is None:
            groups.append((table,))
            stored += need.stored
        else:
            refused[table] = _refusal(context, table, need, disk)
    return SpacePlan(tuple(groups), refused)


def refuse_same_disk(repository: LocalRepository, directories: Iterable[Path]) -> None:
    """Refuse a repository on the disk of the data, where a dying disk takes both, unless the settings allow it.

    Args:
        repository: made already, or still to be made.
        directories: the node's data directories.

    Raises:
        SettingsError: it is.
    """
    if repository.allow_same_disk:
        return
    if _device(existing_ancestor(repository.path)) in {_device(path) for path in directories if path.exists()}:
        raise SettingsError(
            f"repository.{repository.name}.path: {repository.path} is on the disk of ScyllaDB's data.",
            hint=f"Put it on another disk, or set repository.{repository.name}.allow_same_disk = true.",
        )


def check_room(context: Context, repository: LocalRepository, snapshot: Snapshot) -> None:
    """Refuse an archive that would cross the floor, now that the snapshot says how much there is to store.

    Raises:
        StorageFullError: it would.
    """
    need = _Need(stored=Counter({_device(repository.path): snapshot.size_bytes}))
    disk = _crossed(_disks(context, ()), need.total)
    if disk is not None:
        raise _refusal(context, snapshot.table, need, disk)


def _need(context: Context, directories: Iterable[Path], table: Table) -> _Need:
    """What a table will need, going by its files; what isn't flushed yet is seen only by `check_room`."""
    pinned: Counter[int] = Counter()
    for base in directories:
        live = base / table.keyspace / table.directory_name
        with source_errors(live):
            if live.is_dir():
                pinned[_device(live)] += sum(
                    entry.stat(follow_symlinks=False).st_size for entry in os.scandir(live) if entry.is_file()
                )
    stored: Counter[int] = Counter()
    for repository in context.repositories:
        stored[_device(repository.path)] += sum(pinned.values())
    return _Need(pinned, stored)


def _disks(context: Context, directories: Iterable[Path]) -> dict[int, _Disk]:
    disks = {}
    for directory in directories:
        with source_errors(directory, "Is node.data_dirs the data directory of the node on this machine?"):
            disks[_device(directory)] = _disk(context, directory)
    for repository in context.repositories:
        with storage_errors(repository.path, "Failed to look at the free space of"):
            disks[_device(repository.path)] = _disk(context, repository.path)
    return disks


def _disk(context: Context, path: Path) -> _Disk:
    usage = os.statvfs(path)
    return _Disk(path, usage.f_bavail * usage.f_frsize, context.floor.of(usage.f_blocks * usage.f_frsize))


def _crossed(disks: dict[int, _Disk], needed: Counter[int]) -> _Disk | None:
    for device, disk in disks.items():
        if needed[device] and disk.free_bytes - needed[device] < disk.floor_bytes:
            return disk
    return None


def _refusal(context: Context, table: Table, need: _Need, disk: _Disk) -> StorageFullError:
    device = _device(disk.path)
    return StorageFullError(
        f"Not enough space on the disk of {disk.path} for table '{table.name}': "
        f"{human_size(need.total[device])} may be needed, {human_size(disk.free_bytes)} is free "
        f"and {context.floor} ({human_size(disk.floor_bytes)}) has to stay free.",
        hint="Free up disk space, set the repository's path to another disk, or lower limits.min_free_space.",
        table=table.name,
    )


def _device(path: Path) -> int:
    return path.stat().st_dev
