"""What a node knows of its incremental repository without asking: files that were read, objects that are stored.

SQLite in the state directory. It can be lost, and costs nobody a backup: what is stored is read from the manifests
again, and what was read is read once more.
"""

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from backup_core.repository.incremental.catalogue_file import catalogue_errors, open_catalogue_file, transaction
from backup_core.repository.incremental.pieces import KnownObject
from backup_core.source_files import FileIdentity


_KNOWN = TypeAdapter(KnownObject)

BUSY_TIMEOUT_SECONDS = 30.0

_ADD_OBJECT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)"
_ADD_FILE = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)"


class Catalogue:
    """The catalogue of one repository. Every method can be called from any thread.

    Args:
        path: of its file, made where it is missing; its directory is made too.
        busy_timeout_seconds: how long to wait where another process writes it.

    Raises:
        BrokenCatalogueError: the file was damaged, and is gone; from every method.
        StorageError: the file can't be used; from every method.
    """

    def __init__(self, path: Path, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = open_catalogue_file(path, busy_timeout_seconds)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def knows(self, table_id: str, removed_at: str) -> bool:
        """Whether it has all objects of a table, and none that was removed.

        Args:
            table_id: of the table.
            removed_at: when objects were last removed, as the table's losses tell.
        """
        with self._reading() as connection:
            query = "SELECT 1 FROM tables WHERE table_id = ? AND removed_at = ?"
            return connection.execute(query, (table_id, removed_at)).fetchone() is not None

    def trust(self, table_id: str, removed_at: str) -> None:
        """From now on it has all objects of a table; arguments as for `knows`."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO tables VALUES (?, ?)", (table_id, removed_at))

    def forget_objects(self, table_id: str) -> None:
        """Forget what it has of a table's objects."""
        with self._writing() as connection:
            for table in ("tables", "objects"):
                connection.execute(f"DELETE FROM {table} WHERE table_id = ?", (table_id,))  # noqa: S608  (a constant)

    def forget(self, table_id: str) -> None:
        """Forget everything of a table."""
        self.forget_objects(table_id)
        self.keep_files(table_id, frozenset())

    def add_objects(self, table_id: str, objects: Iterable[KnownObject]) -> None:
        """Objects are stored."""
        with self._writing() as connection:
            connection.executemany(_ADD_OBJECT, (_object_row(table_id, known) for known in objects))

    def add(self, table_id: str, known: KnownObject, files: Mapping[FileIdentity, str]) -> None:
        """An object was stored, and these files were read for it; `files` has their SHA-256."""
        with self._writing() as connection:
            connection.execute(_ADD_OBJECT, _object_row(table_id, known))
            connection.executemany(_ADD_FILE, _file_rows(table_id, files))

    def add_files(self, table_id: str, files: Mapping[FileIdentity, str]) -> None:
        """Files were read; `files` has their SHA-256."""
        with self._writing() as connection:
            connection.executemany(_ADD_FILE, _file_rows(table_id, files))

    def hashes(self, files: Collection[FileIdentity]) -> dict[FileIdentity, str]:
        """SHA-256 of those files that were read before; some hundreds may be asked for at a time."""
        by_key = {_key(file): file for file in files}
        devices = {file.device for file in files}
        query = f"SELECT * FROM files WHERE device IN ({_marks(devices)}) AND inode IN ({_marks(by_key)})"  # noqa: S608
        values = (*devices, *(inode for _, inode, _, _ in by_key))
        with self._reading() as connection:
            rows = connection.execute(query, values).fetchall()
        return {by_key[row[:4]]: row[4] for row in rows if row[:4] in by_key}

    def objects_of(self, table_id: str, role: str, generation: str) -> tuple[KnownObject, ...]:
        """The objects that were made of a generation's pieces of that role."""
        query = "SELECT known FROM objects WHERE table_id = ? AND generation = ? AND role = ?"
        return self._objects(query, (table_id, generation, role))

    def objects_with(self, table_id: str, plain_sha256: str) -> tuple[KnownObject, ...]:
        """The objects of that content."""
        return self._objects(
            "SELECT known FROM objects WHERE table_id = ? AND plain_sha256 = ?", (table_id, plain_sha256)
        )

    def has_object(self, table_id: str, name: str) -> bool:
        """Whether it has an object of that name."""
        with self._reading() as connection:
            query = "SELECT 1 FROM objects WHERE table_id = ? AND name = ?"
            return connection.execute(query, (table_id, name)).fetchone() is not None

    def drop(self, table_id: str, names: Iterable[str], removed_at: str | None = None) -> None:
        """Objects can't be used any more.

        Args:
            table_id: of the table.
            names: of the objects.
            removed_at: as the table's losses tell, if they are removed; None if they were found damaged.
        """
        with self._writing() as connection:
            query = "DELETE FROM objects WHERE table_id = ? AND name = ?"
            connection.executemany(query, ((table_id, name) for name in names))
            if removed_at is not None:
                connection.execute("UPDATE tables SET removed_at = ? WHERE table_id = ?", (removed_at, table_id))

    def keep_files(self, table_id: str, inodes: AbstractSet[int]) -> None:
        """Forget all other files of a table: they aren't there any more."""
        query = "SELECT device, inode FROM files WHERE table_id = ?"
        kept = {_signed(inode) for inode in inodes}
        with self._writing() as connection:
            gone = [row for row in connection.execute(query, (table_id,)) if row[1] not in kept]
            connection.executemany("DELETE FROM files WHERE device = ? AND inode = ?", gone)

    def _objects(self, query: str, values: tuple[str, ...]) -> tuple[KnownObject, ...]:
        with self._reading() as connection:
            return tuple(_KNOWN.validate_json(known) for (known,) in connection.execute(query, values))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, catalogue_errors(self._path):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, transaction(connection):
            yield connection


def _object_row(table_id: str, known: KnownObject) -> tuple[str, ...]:
    content = _KNOWN.dump_json(known).decode()
    return table_id, known.stored.name, known.generation, known.stored.role, known.stored.plain_sha256, content


def _file_rows(table_id: str, files: Mapping[FileIdentity, str]) -> Iterator[tuple[int | str, ...]]:
    return ((*_key(file), sha256, table_id) for file, sha256 in files.items())


def _key(file: FileIdentity) -> tuple[int, int, int, int]:
    return file.device, _signed(file.inode), file.size_bytes, file.mtime_ns


def _signed(inode: int) -> int:
    """SQLite's integers have a sign; some file systems use all 64 bits."""
    return inode - (1 << 64) if inode >> 63 else inode


def _marks(values: Collection[object]) -> str:
    return ",".join("?" * len(values))
