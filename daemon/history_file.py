"""The file of the history: opened, checked, made; and set aside when it is no history, or a broken one."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from backup_core.clock import SystemClock
from daemon.history_schema import SCHEMA, VERSION


HISTORY_NAME = "history.sqlite3"
"""In the state directory."""

BUSY_TIMEOUT_SECONDS = 5.0

_BROKEN_CODES = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
}
_BROKEN_ERRNOS = {errno.EISDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.EIO}
_PRIMARY_CODE = 0xFF
"""Extended result codes have the primary one in their lowest byte (sqlite.org/rescode.html)."""

_COMPANIONS = ("-journal", "-wal", "-shm")
"""What SQLite keeps beside a file. It would play one that is left behind into the next file of that name."""


class BrokenHistoryError(Exception):
    """The file can't be used as the history, and won't become so by waiting."""


def open_history_file(path: Path, fill: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Open the file for writing, and make it where it is missing or empty.

    Args:
        path: where it is; its directory is made too.
        fill: called with a new file's tables, in the transaction that makes them.

    Raises:
        BrokenHistoryError: it is damaged, another version's, or something else altogether.
        sqlite3.Error, OSError: it can't be opened now: locked, no space, the directory isn't ours.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600))
        connection = _connect(str(path))
        try:
            _use(connection, fill)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        if is_broken(error):
            raise BrokenHistoryError(str(error)) from error
        raise
    return connection


def open_in_memory(fill: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """A history that is gone with the process, for when there can be no file."""
    connection = _connect(":memory:")
    _use(connection, fill)
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open the file as it is, for reading; nothing is made or set aside.

    What a killed writer has left half done is undone by SQLite, if this user may write.

    Raises:
        BrokenHistoryError: it isn't a history of this version.
        sqlite3.Error: it isn't there, or can't be read.
    """
    connection = _connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True)
    try:
        _check_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def is_broken(error: Exception) -> bool:
    """Whether the file that this came from is of no use any more, rather than busy or on a full disk."""
    if isinstance(error, OSError):
        return error.errno in _BROKEN_ERRNOS
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY_CODE in _BROKEN_CODES


def set_aside(path: Path) -> Path:
    """Give a broken file, and what belongs to it, another name, and return that.

    Raises:
        OSError: the directory can't be written.
    """
    aside = path.with_name(f"{path.name}.broken-{SystemClock().now():%Y%m%dT%H%M%S.%fZ}")
    for companion in _COMPANIONS:
        left = path.with_name(path.name + companion)
        if left.exists():
            left.rename(aside.with_name(aside.name + companion))
    path.rename(aside)
    return aside


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.rollback()
        raise


def _connect(database: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        database, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False, uri=uri
    )


def _use(connection: sqlite3.Connection, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make what isn't there; check what is, and that it can be written."""
    connection.execute("PRAGMA foreign_keys = ON")
    # With a rollback journal a power cut may cost the history on old file systems, and nothing but that.
    connection.execute("PRAGMA synchronous = NORMAL")
    with transaction(connection):
        if not _tables(connection):
            _make_tables(connection)
            fill(connection)
            return
        _check_tables(connection)
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise BrokenHistoryError(problem)


def _check_tables(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise BrokenHistoryError(f"its version is {version}; known here is {VERSION}")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        _make_tables(model)
        if version != VERSION or _tables(connection) != _tables(model):
            raise BrokenHistoryError("its tables aren't the history's")


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in filter(str.strip, SCHEMA.split(";")):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _tables(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    """The SQL of all tables and indices that somebody has made. Statistics of `ANALYZE` do no harm."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%'"
    return set(connection.execute(query).fetchall())
