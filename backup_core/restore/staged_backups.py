"""Everything that a restore will load, checked to the last byte before anything is touched on the node.

As a rule the check is the staging: one pass over each backup. Where there is no room for all files at a time, the
first pass only checks, and each batch is unpacked, and checked again, when its turn comes. What the predecessor left
is always read twice: until it has been read, nothing tells how large it is.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup_core.context import Context
from backup_core.errors import StorageFullError
from backup_core.events import RESTORE_CHECKED, RESTORE_STAGED
from backup_core.identity import acting_as
from backup_core.model import SSTable
from backup_core.restore.backup_content import backup_content
from backup_core.restore.batches import MOST_BATCH_BYTES, LoadPlan, batches, plan_load
from backup_core.restore.content import BackupContent, Unpacked
from backup_core.restore.directories import OpenDirectory
from backup_core.restore.model import BackupSource
from backup_core.restore.snapshot_files import sstables_of
from backup_core.restore.staging import default_staging, restore_staging
from backup_core.sizes import human_size
from backup_core.snapshot import data_directories
from backup_core.sstable_files import parse_component


@dataclass(frozen=True, slots=True)
class Batch:
    """SSTables of one backup that are loaded together.

    Attributes:
        number: of the backup, in the order in which they were given.
        content: of the backup.
    """

    number: int
    content: BackupContent
    sstables: tuple[SSTable, ...]

    @property
    def size_bytes(self) -> int:
        """Size of all its files."""
        return sum(sstable.size_bytes for sstable in self.sstables)

    @property
    def file_names(self) -> frozenset[str]:
        """Names of all its files."""
        return frozenset(file.name for sstable in self.sstables for file in sstable.components)


class StagedBackups:
    """Checked backups, staged or ready to be. `stage_backups` makes it.

    Attributes:
        batches: in the order in which they are loaded; none for an empty table.
    """

    def __init__(
        self, context: Context, staging: OpenDirectory, contents: Sequence[BackupContent], plan: LoadPlan
    ) -> None:
        self._context = context
        self._staging = staging
        self._stages_all = plan.stages_all
        self._taken: set[Batch] = set()
        self.batches = tuple(
            Batch(number, content, batch)
            for number, content in enumerate(contents)
            for batch in batches(_sstables(content), plan.batch_bytes)
        )

    @property
    def size_bytes(self) -> int:
        """Size of everything that will be loaded."""
        return sum(batch.size_bytes for batch in self.batches)

    @contextmanager
    def staged(self, batch: Batch, *, keep: bool = False) -> Iterator[OpenDirectory]:
        """The directory with a batch's files; they are gone after the block unless it raises.

        Args:
            batch: one of this.
            keep: whether they stay, if there is room for all; else they are unpacked once more where they are wanted
                once more.

        Raises:
            StorageFullError: too little space is left by now.
            BackupError: as `BackupContent.unpack` does, if it has to be unpacked.
        """
        _require_room(self._context, self._staging, batch.size_bytes, _available_bytes(self._context, self._staging))
        if not self._stages_all or batch in self._taken:
            with _slot(self._staging, "batch") as directory:
                _unpack(self._context, batch.content, directory, names=batch.file_names)
                yield directory
            return
        with self._staging.directory(str(batch.number)) as directory:
            yield directory
            if not keep:
                self._taken.add(batch)
                _remove_files(directory, batch.file_names)


@contextmanager
def stage_backups(
    context: Context,
    sources: Sequence[BackupSource],
    path: Path | None = None,
    *,
    nodes: int | None,
    most_batch_bytes: int = MOST_BATCH_BYTES,
) -> Iterator[StagedBackups]:
    """Check every byte of backups and stage what fits; nothing of it is left on the node's disk after the block.

    Args:
        context: where the node is.
        sources: the backups, of one table, each host's own.
        path: where to stage (`node.restore_staging`); beside the first data directory if None.
        nodes: that share what is loaded. None counts as one.
        most_batch_bytes: how much is loaded at a time, however much space there is.

    Raises:
        IntegrityError, ManifestError: a backup isn't what it was, or never was one.
        StorageFullError: the data disk is too small.
        PermissionDeniedError: neither root nor ScyllaDB's user, or a backup that can't be read.
        SettingsError: `path` is on another file system.
        BackupError: what else the operating system refuses.
        RunCancelledError: a signal.
    """
    contents = [backup_content(source.repository, source.listing, source.manifest) for source in sources]
    data = data_directories(context)[0]
    with restore_staging(path or default_staging(data), data, context.reporter) as staging:
        available_bytes = _available_bytes(context, staging)
        known = [_known(context, content, available_bytes) for content in contents]
        sstables = [sstable for content in known for sstable in _sstables(content)]
        plan = plan_load(sstables, available_bytes, nodes=nodes, most_batch_bytes=most_batch_bytes)
        _require_room(context, staging, plan.needed_bytes, available_bytes)
        for number, content in enumerate(known):
            if plan.stages_all:
                _stage(context, staging, number, content)
            elif contents[number].files is not None:
                _check(context, content)
        yield StagedBackups(context, staging, known, plan)


def _available_bytes(context: Context, staging: OpenDirectory) -> int:
    usage = os.fstatvfs(staging.descriptor)
    return max(usage.f_bavail * usage.f_frsize - context.floor.of(usage.f_blocks * usage.f_frsize), 0)


def _require_room(context: Context, staging: OpenDirectory, needed_bytes: int, available_bytes: int) -> None:
    if needed_bytes > available_bytes:
        raise StorageFullError(
            f"Not enough space on the disk of {staging.path.parent}: {human_size(needed_bytes)} may be needed, "
            f"{human_size(available_bytes)} is free above the {context.floor} that have to stay so.",
            hint="Free up disk space, or lower limits.min_free_space.",
        )


def _known(context: Context, content: BackupContent, available_bytes: int) -> BackupContent:
    """The same with what it has to hold; where nothing tells that, it is read and found out."""
    if content.files is not None:
        return content
    return _check(context, content, most_bytes=available_bytes).content


def _sstables(content: BackupContent) -> tuple[SSTable, ...]:
    return sstables_of(content.files or ())


def _check(context: Context, content: BackupContent, *, most_bytes: int = 0) -> Unpacked:
    found = _unpack(context, content, None, most_bytes=most_bytes)
    context.reporter.event(RESTORE_CHECKED, path=content.address, size_bytes=found.stored_size_bytes)
    return found


def _stage(context: Context, staging: OpenDirectory, number: int, content: BackupContent) -> None:
    with acting_as(staging.owner, staging.path):
        staging.make_directory(str(number))
        directory = staging.directory(str(number))
    with directory:
        found = _unpack(context, content, directory, names=frozenset(file.name for file in content.files or ()))
    size_bytes = sum(sstable.size_bytes for sstable in found.sstables)
    context.reporter.event(RESTORE_STAGED, path=content.address, directory=str(directory.path), size_bytes=size_bytes)


def _remove_files(directory: OpenDirectory, names: frozenset[str]) -> None:
    with acting_as(directory.owner, directory.path):
        for name in names:
            directory.remove(name)


@contextmanager
def _slot(staging: OpenDirectory, name: str) -> Iterator[OpenDirectory]:
    with acting_as(staging.owner, staging.path):
        staging.make_directory(name)
        directory = staging.directory(name)
    try:
        with directory:
            yield directory
    finally:
        with acting_as(staging.owner, staging.path):
            staging.remove(name)


def _unpack(
    context: Context,
    content: BackupContent,
    into: OpenDirectory | None,
    *,
    names: frozenset[str] = frozenset(),
    most_bytes: int = 0,
) -> Unpacked:
    total_bytes = content.stored_size_bytes
    return content.unpack(
        into,
        wanted=lambda name: name in names and parse_component(name) is not None,
        most_bytes=most_bytes,
        on_progress=lambda read_bytes: context.reporter.progress(
            f"check {content.table_name}", read_bytes, total_bytes
        ),
        cancel=context.cancel,
    )
