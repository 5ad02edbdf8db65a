"""Objects as files: how they are written and read, and what is told of them."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from backup_core.durable import FILE_MODE
from backup_core.errors import StorageError
from backup_core.repository.storage.local_folders import path_errors
from backup_core.repository.storage.protocol import Content, ObjectInfo
from backup_core.storage_errors import storage_errors


BLOCK_BYTES = 1 << 20


def write_content(path: Path, content: Content) -> None:
    """Write a new file that only this user may read, and bring it to the disk.

    Raises:
        BackupError: as the operating system refuses, or whatever the content's blocks raise.
    """
    with content.opened() as blocks, ExitStack() as resources:
        with storage_errors(path):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            file = resources.enter_context(os.fdopen(os.open(path, flags, FILE_MODE), "wb", buffering=0))
        for block in blocks:
            with storage_errors(path):
                _write_all(file.fileno(), block)
        with storage_errors(path):
            os.fsync(file.fileno())


def blocks_of(descriptor: int, path: Path) -> Iterator[bytes]:
    """What follows in an open file, block by block; `path` is for messages.

    Raises:
        BackupError: as the operating system refuses.
    """
    while True:
        with path_errors(path, "Failed to read"):
            block = os.read(descriptor, BLOCK_BYTES)
        if not block:
            return
        yield block


def is_object(path: Path, status: os.stat_result) -> bool:
    """Whether this is an object; a directory is none, as it has another key's beginning for its name.

    Raises:
        StorageError: it is a link, or something else that nobody puts here but to mislead.
    """
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise StorageError(f"{path} is no file", hint="Look who has put it there, and move it elsewhere.")
    return stat.S_ISREG(status.st_mode)


def object_info(key: str, status: os.stat_result) -> ObjectInfo:
    """What there is to tell of an object."""
    modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
    return ObjectInfo(key, status.st_size, modified_at, f"{status.st_ino:x}-{status.st_mtime_ns:x}")


def _write_all(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]
