"""How much space a run will need, and whether it may have it."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from backup_core.ancestor import existing_ancestor
from backup_core.context import Context, Filling
from backup_core.disks import Disk, device_of, disks_of
from backup_core.errors import SettingsError, StorageFullError
from backup_core.events import RUN_SERIALIZED
from backup_core.model import Table
from backup_core.repository.protocol import Repository
from backup_core.sizes import human_size
from backup_core.snapshot import data_directories


@dataclass(frozen=True, slots=True)
class SpacePlan:
    """Which tables may have their snapshots at the same time, and which there is no room for at all."""

    groups: tuple[tuple[Table, ...], ...]
    refused: dict[Table, StorageFullError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Need:
    """What one table needs, in bytes by device: pinned by its snapshot for a while, and stored in each repository."""

    pinned: Counter[int] = field(default_factory=Counter)
    stored: tuple[Counter[int], ...] = ()

    @property
    def everywhere(self) -> Counter[int]:
        return sum(self.stored, self.pinned)


def plan_space(context: Context, tables: Sequence[Table]) -> SpacePlan:
    """Group a run's tables so that none of the disks falls below its floor.

    A snapshot pins its table's files while the node may compact them into new ones, so it counts with its full size
    on the data disk until it is cleared; an archive counts with the size of what goes into it, and stays.

    Args:
        context: where the node and the repositories are.
        tables: in the order of the run.

    Returns:
        All tables as one group if they fit together, else each as a group of its own; those that would cross the
        floor even so, in whatever repository, are refused, each with the error that says by how much.

    Raises:
        SourceError, PermissionDeniedError: the data directories can't be looked at.
    """
    directories = data_directories(context)
    needs = {table: _need(context, directories, table) for table in tables}
    disks = disks_of(context, directories)
    together = sum((need.everywhere for need in needs.values()), Counter[int]())
    if _crossed(disks, together) is None:
        return SpacePlan((tuple(tables),) if tables else ())
    context.reporter.event(RUN_SERIALIZED, tables=len(tables), needed_bytes=sum(together.values()))
    groups, refused = [], {}
    stored: Counter[int] = Counter()
    for table, need in needs.items():
        crossed = [_crossed(disks, need.pinned + in_one + stored) for in_one in need.stored]
        if all(crossed):
            refused[table] = _refusal(context, table, need, next(disk for disk in crossed if disk is not None))
        else:
            # A repository without room for it is left out when it is stored: see `check_room`.
            groups.append((table,))
            for in_one, disk in zip(need.stored, crossed, strict=True):
                stored += in_one if disk is None else Counter()
    return SpacePlan(tuple(groups), refused)


def refuse_same_disk(repository: Repository, directories: Iterable[Path]) -> None:
    """Refuse a repository on the disk of the data, where a dying disk takes both, unless the settings allow it.

    Args:
        repository: made already, or still to be made.
        directories: the node's data directories.

    Raises:
        SettingsError: it is.
    """
    path = repository.directory
    if repository.allow_same_disk or path is None:
        return
    if device_of(existing_ancestor(path)) in {device_of(path) for path in directories if path.exists()}:
        raise SettingsError(
            f"repository.{repository.name}.path: {path} is on the disk of ScyllaDB's data.",
            hint=f"Put it on another disk, or set repository.{repository.name}.allow_same_disk = true.",
        )


def check_room(context: Filling, repository: Repository, table: Table, size_bytes: int) -> None:
    """Refuse an archive that would cross the floor, now that it is known how much there is to store.

    Raises:
        StorageFullError: it would.
    """
    need = _Need(stored=(_stored(repository, size_bytes),))
    disk = _crossed(disks_of(context, ()), need.everywhere)
    if disk is not None:
        raise _refusal(context, table, need, disk)


def _need(context: Context, directories: Iterable[Path], table: Table) -> _Need:
    """What a table will need, going by its files; what isn't flushed yet is seen only by `check_room`."""
    pinned: Counter[int] = Counter()
    archived_bytes = 0
    for base in directories:
        for live in _table_directories(base / table.keyspace):
            size_bytes = _size_of_files(live)
            # Up to 6.2 a snapshot takes the views along, which aren't archived.
            pinned[device_of(base)] += size_bytes
            archived_bytes += size_bytes if live.name == table.directory_name else 0
    return _Need(pinned, tuple(_stored(repository, archived_bytes) for repository in context.repositories))


def _stored(repository: Repository, size_bytes: int) -> Counter[int]:
    """What storing a snapshot may take, by device.

    Nothing where the repository is on no disk of this machine, nor where it is incremental: as a rule most of the
    snapshot is stored already, and what else fills the disk, the run's guard sees.
    """
    path = repository.directory
    if path is None or repository.mode == "incremental":
        return Counter()
    return Counter({device_of(path): size_bytes})


def _table_directories(keyspace: Path) -> list[Path]:
    try:
        return [path for path in keyspace.iterdir() if path.is_dir()]
    except OSError:
        # Gone, or not ours to read: the steps that need it say so, of this table only.
        return []


def _size_of_files(directory: Path) -> int:
    """Of what lies in it at this moment: the node compacts and drops as it likes."""
    size_bytes = 0
    with suppress(OSError):
        for entry in os.scandir(directory):
            with suppress(FileNotFoundError):
                size_bytes += entry.stat(follow_symlinks=False).st_size if entry.is_file(follow_symlinks=False) else 0
    return size_bytes


def _crossed(disks: dict[int, Disk], needed: Counter[int]) -> Disk | None:
    for device, disk in disks.items():
        if needed[device] and disk.free_bytes - needed[device] < disk.floor_bytes:
            return disk
    return None


def _refusal(context: Filling, table: Table, need: _Need, disk: Disk) -> StorageFullError:
    device = device_of(disk.path)
    return StorageFullError(
        f"Not enough space on the disk of {disk.path} for table '{table.name}': "
        f"{human_size(need.everywhere[device])} may be needed, {human_size(disk.free_bytes)} is free "
        f"and {context.floor.told(disk.floor_bytes)} has to stay free.",
        hint="Free up disk space, set the repository's path to another disk, or lower limits.min_free_space.",
        table=table.name,
    )
