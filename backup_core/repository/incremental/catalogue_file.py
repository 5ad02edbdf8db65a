"""The SQLite file of a catalogue: opened, made, and removed where it is broken."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from backup_core.errors import StorageError
from backup_core.ownership import as_owner_of


VERSION = 1
"""In the file's `user_version`; a file of another version is made anew."""

SCHEMA = """
CREATE TABLE tables (
    table_id TEXT PRIMARY KEY NOT NULL,
    removed_at TEXT NOT NULL
);
CREATE TABLE objects (
    table_id TEXT NOT NULL,
    name TEXT NOT NULL,
    generation TEXT NOT NULL,
    role TEXT NOT NULL,
    plain_sha256 TEXT NOT NULL,
    known TEXT NOT NULL,
    PRIMARY KEY (table_id, name)
);
CREATE INDEX objects_by_generation ON objects (table_id, generation);
CREATE INDEX objects_by_content ON objects (table_id, plain_sha256);
CREATE TABLE files (
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    table_id TEXT NOT NULL,
    PRIMARY KEY (device, inode)
);
CREATE INDEX files_by_table ON files (table_id);
"""

_COMPANIONS = ("", "-wal", "-shm", "-journal")


class BrokenCatalogueError(StorageError):
    """A catalogue's file can't be read as such. It was removed: an empty one takes its place when it is opened."""


def open_catalogue_file(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    """Open a catalogue's file; it is made where it is missing.

    Args:
        path: of the file.
        busy_timeout_seconds: how long to wait where another process writes it.

    Raises:
        BrokenCatalogueError: it is damaged, or of another version.
        StorageError: there can't be such a file.
    """
    with catalogue_errors(path), as_owner_of(path.parent):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _connect(path, busy_timeout_seconds)


@contextmanager
def catalogue_errors(path: Path) -> Iterator[None]:
    """Translate what SQLite and the operating system say of a catalogue; remove one that is damaged.

    Raises:
        BrokenCatalogueError: it is.
        StorageError: anything else, with the way out.
    """
    try:
        yield
    except (sqlite3.Error, OSError, ValidationError) as error:
        # Locked, no space, no right: nothing that another file would mend.
        if not isinstance(error, (sqlite3.OperationalError, OSError)):
            for companion in _COMPANIONS:
                path.with_name(path.name + companion).unlink(missing_ok=True)
            raise BrokenCatalogueError(f"The catalogue {path} was broken, and is made anew.") from error
        raise StorageError(
            f"The catalogue {path} can't be used: {error}",
            hint="Give the state directory space and its owner; or remove the file: it is made anew from manifests.",
        ) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _connect(path: Path, busy_timeout_seconds: float) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False)
    try:
        # What a power cut takes from it is sent or read once more.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        with transaction(connection):
            _use(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _use(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0 and not connection.execute("SELECT * FROM sqlite_master").fetchone():
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    elif version != VERSION:
        raise sqlite3.DatabaseError(f"its version is {version}")
