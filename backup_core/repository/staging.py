"""What is being written: temporary directories at the root of a repository, each held by a lock while its writer lives.

    ~tmp-<purpose>-<random>/
      lock        flock'ed by the writer: a process that dies lets go of it, whatever it died of
      content/    what will be renamed to its place

Whoever wants to remove such a directory takes the same lock first, so nobody removes what another process is writing.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup_core.durable import DIRECTORY_MODE, FILE_MODE, make_directory
from backup_core.flock import try_lock
from backup_core.model import Table
from backup_core.repository import layout
from backup_core.storage_errors import storage_errors


_LOCK = "lock"
_CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Staging:
    """A backup that is being written.

    Attributes:
        directory: empty at first; every file that is put here becomes part of the backup.
        archive: where the table's archive goes.
    """

    table: Table
    tag: str
    directory: Path
    archive: Path


@contextmanager
def temporary_directory(root: Path, purpose: str) -> Iterator[Path]:
    """An empty directory on the repository's file system, gone at the end with whatever is still in it.

    Args:
        root: the repository.
        purpose: what it is for, as part of its name.

    Raises:
        BackupError: as the operating system refuses.
    """
    directory, lock = _claim_new(root, purpose)
    try:
        content = directory / _CONTENT
        make_directory(content)
        yield content
    finally:
        shutil.rmtree(directory, ignore_errors=True)  # what is left, `remove_debris` removes
        os.close(lock)


def temporary_directories(root: Path) -> tuple[str, ...]:
    """Names of the temporary directories, whether their writers live or not.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(root, "Failed to list"):
        return tuple(sorted(entry.name for entry in os.scandir(root) if _is_temporary(entry)))


def remove_debris(root: Path) -> tuple[str, ...]:
    """Remove the temporary directories whose writers are gone, and return their names.

    Raises:
        BackupError: as the operating system refuses.
    """
    return tuple(name for name in temporary_directories(root) if _remove(root / name))


def _is_temporary(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(layout.TEMPORARY_PREFIX) and entry.is_dir(follow_symlinks=False)


def _claim_new(root: Path, purpose: str) -> tuple[Path, int]:
    while True:
        directory = root / f"{layout.TEMPORARY_PREFIX}{purpose}-{secrets.token_hex(4)}"
        with storage_errors(directory, "Failed to create backup folder"):
            directory.mkdir(mode=DIRECTORY_MODE)
        lock = _claim(directory)
        if lock is not None:
            return directory, lock


def _remove(directory: Path) -> bool:
    lock = _claim(directory)
    if lock is None:
        return False
    try:
        with storage_errors(directory, "Failed to remove"):
            shutil.rmtree(directory)
    finally:
        os.close(lock)
    return True


def _claim(directory: Path) -> int | None:
    """The descriptor of the directory's lock, or None if another process has it or has removed it."""
    with storage_errors(directory, "Failed to lock"):
        try:
            lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
        except FileNotFoundError:
            return None
        # Between open and flock the file may have been removed by whoever had the lock before.
        if try_lock(lock) and os.fstat(lock).st_nlink > 0:
            return lock
        os.close(lock)
    return None
