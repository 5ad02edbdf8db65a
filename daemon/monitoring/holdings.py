"""What backups take of the disks: snapshots that are held, and free space against the floor."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from backup_core.ancestor import existing_ancestor
from backup_core.errors import BackupError
from backup_core.floor import Floor
from backup_core.journal import Journal, JournalEntry
from backup_core.model import Table
from backup_core.storage_errors import storage_errors
from daemon.monitoring.held_bytes import held_bytes


@dataclass(frozen=True, slots=True)
class HeldSnapshot:
    """A snapshot that the journal names.

    Attributes:
        alive: whether the run that took it is; if not, the next run clears it.
        held_bytes: of files that only it holds; None where that can't be seen.
    """

    entry: JournalEntry
    alive: bool
    held_bytes: int | None


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The disk of something.

    Attributes:
        what: "data", or the name of a repository.
        path: what lies there, or will.
        floor_bytes: what has to stay free.
    """

    what: str
    path: Path
    total_bytes: int
    free_bytes: int
    floor_bytes: int

    @property
    def below_floor(self) -> bool:
        """Whether less is free than has to stay so."""
        return self.free_bytes < self.floor_bytes


def held_snapshots(
    journal: Journal, directories: Sequence[Path], on_broken: Callable[[BackupError], None]
) -> tuple[HeldSnapshot, ...]:
    """The snapshots that are ours.

    Args:
        journal: names them.
        directories: the node's data directories; none if nobody knows them.
        on_broken: hears of entries that can't be read.

    Raises:
        BackupError: the journal can't be read.
    """
    return tuple(HeldSnapshot(entry, alive, _held(entry, directories)) for entry, alive in journal.entries(on_broken))


def disk_space(what: str, path: Path, floor: Floor) -> DiskSpace:
    """The disk that a path is on, or will be.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to look at the free space of"):
        usage = shutil.disk_usage(existing_ancestor(path))
    return DiskSpace(what, path, usage.total, usage.free, floor.of(usage.total))


def _held(entry: JournalEntry, directories: Iterable[Path]) -> int | None:
    table = Table(entry.table_name, entry.table_id)
    paths = [base / entry.keyspace / table.directory_name / "snapshots" / entry.tag for base in directories]
    try:
        return held_bytes(paths) if paths else None
    except BackupError:
        return None
