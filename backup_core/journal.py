"""The journal of snapshots that are ours: written before the node is asked, gone when the snapshot is.

One fsynced file per snapshot in the state directory. Only what stands here is ever cleared; without a file no
snapshot is asked for. A run holds a flock on its files, so what can be locked was left by a run that is dead.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from backup_core.durable import sync_directory
from backup_core.errors import BackupError, StorageError
from backup_core.flock import is_held, try_lock
from backup_core.model import Table, keyspace_of
from backup_core.repository.layout import is_table_name, is_tag
from backup_core.storage_errors import storage_errors


_ENTRY = ".json"
_TEMPORARY = ".tmp"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A snapshot that this run has asked for, or is about to."""

    tag: str
    table_name: str
    table_id: str
    keyspace: str


class Journal:
    """The files in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[JournalEntry, int] = {}

    def record(self, tag: str, table: Table) -> JournalEntry:
        """Write an entry, durably, and hold it.

        Raises:
            PermissionDeniedError, StorageError: it can't be written: ask for no snapshot.
        """
        entry = JournalEntry(tag, table.name, table.id, table.keyspace)
        path = self._path(entry)
        with storage_errors(path, "Failed to write the journal of snapshots"):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path.with_suffix(_TEMPORARY)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with ExitStack() as cleanup:
                cleanup.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.write(descriptor, json.dumps(asdict(entry)).encode())
                os.fsync(descriptor)
                temporary.rename(path)
                sync_directory(self._directory)
                cleanup.pop_all()
        self._held[entry] = descriptor
        return entry

    def forget(self, entry: JournalEntry) -> None:
        """Remove an entry: its snapshot is cleared, or never was."""
        with storage_errors(self._path(entry), "Failed to remove"):
            self._path(entry).unlink(missing_ok=True)
            sync_directory(self._directory)
        self.release(entry)

    def release(self, entry: JournalEntry) -> None:
        """Leave an entry to whoever cleans up next: its snapshot could not be cleared."""
        descriptor = self._held.pop(entry, None)
        if descriptor is not None:
            os.close(descriptor)

    def orphans(self, on_broken: Callable[[BackupError], None]) -> Iterator[JournalEntry]:
        """Entries of runs that are dead, each held while it is looked at.

        Args:
            on_broken: hears of files that can't be read or are no entries; they stay where they are, for somebody to
                look at, and don't stand in the way of the others.

        Raises:
            PermissionDeniedError, StorageError: the directory can't be read.
        """
        for path in self._paths(_TEMPORARY):
            self._remove_if_dead(path)
        for path in self._paths(_ENTRY):
            try:
                entry = self._take_over(path)
            except BackupError as error:
                on_broken(error)
                continue
            if entry is not None:
                yield entry

    def entries(self, on_broken: Callable[[BackupError], None]) -> tuple[tuple[JournalEntry, bool], ...]:
        """Every entry, and whether the run that wrote it is alive; only looked at, never held.

        Args:
            on_broken: as for `orphans`.

        Raises:
            PermissionDeniedError, StorageError: the directory can't be read.
        """
        found = []
        for path in self._paths(_ENTRY):
            try:
                found += self._look_at(path)
            except BackupError as error:
                on_broken(error)
        return tuple(found)

    def _paths(self, suffix: str) -> list[Path]:
        # Not glob, to which a directory that can't be read is an empty one.
        with storage_errors(self._directory, "Failed to read the journal of snapshots"):
            try:
                return sorted(path for path in self._directory.iterdir() if path.suffix == suffix)
            except FileNotFoundError:
                return []

    def _remove_if_dead(self, path: Path) -> None:
        """An entry that was never finished: no snapshot was asked for."""
        with storage_errors(path, "Failed to remove"):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
            try:
                if not is_held(descriptor):
                    path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)

    def _look_at(self, path: Path) -> list[tuple[JournalEntry, bool]]:
        """The entry, and whether its run is alive; nothing where it is gone by now."""
        with storage_errors(path, "Failed to read the journal of snapshots"):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return []
            try:
                return [(_parse(path, os.read(descriptor, 65536)), is_held(descriptor))]
            finally:
                os.close(descriptor)

    def _take_over(self, path: Path) -> JournalEntry | None:
        with storage_errors(path, "Failed to read the journal of snapshots"):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            with ExitStack() as cleanup:
                cleanup.callback(os.close, descriptor)
                if not try_lock(descriptor):
                    return None
                entry = _parse(path, os.read(descriptor, 65536))
                cleanup.pop_all()
        self._held[entry] = descriptor
        return entry

    def _path(self, entry: JournalEntry) -> Path:
        return self._directory / f"{entry.tag}-{entry.table_id}{_ENTRY}"


def _parse(path: Path, text: bytes) -> JournalEntry:
    try:
        entry = JournalEntry(**json.loads(text))
        well_named = is_tag(entry.tag) and is_table_name(entry.table_name)
        if not well_named or entry.keyspace != keyspace_of(entry.table_name):
            raise ValueError(entry)  # noqa: TRY301
    except (ValueError, TypeError, RecursionError) as error:
        raise StorageError(
            f"The journal of snapshots holds {path}, which is none of its entries.",
            hint="Clear the snapshot that its name tells (tag-table id) by hand, then remove the file.",
        ) from error
    return entry
