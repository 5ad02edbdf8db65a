"""Reading the files of a snapshot: each once, checked on the way, without harm to the node's page cache."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from isal import isal_zlib

from backup_core.cancel import CancelToken
from backup_core.compression import BLOCK_BYTES
from backup_core.errors import SourceError
from backup_core.model import SourceFile
from backup_core.source_errors import source_errors


DROP_BYTES = 8 << 20
"""How much of a file may stay in the page cache behind the reader."""

_AGAIN = "Take the backup again; if it happens again, look for what else works on the node's files."
_DAMAGED = "The node's own copy is damaged: check its disk, repair the table on this node, take the backup again."


class FileIdentity(NamedTuple):
    """What stays the same as long as a file has the same content, through hard links and renaming."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int


class SourceDirectory:
    """A snapshot's directory, open for as long as its files are read.

    Args:
        path: where the files are.
        on_progress: hears how many bytes have been read so far.
        cancel: looked at before each block.

    Raises:
        SourceError: it is gone or can't be read.
        PermissionDeniedError: this user may not read it.
    """

    def __init__(self, path: Path, on_progress: Callable[[int], None], cancel: CancelToken) -> None:
        self._path = path
        self._on_progress = on_progress
        self._cancel = cancel
        self._read_bytes = 0
        self._reported_bytes = 0
        with _errors(path):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        if error is None:
            self._on_progress(self._read_bytes)

    def identity(self, file: SourceFile) -> FileIdentity:
        """Which file that is, without opening it.

        Raises:
            SourceError: it is gone.
        """
        self._check_name(file)
        try:
            return _identity(os.stat(file.name, dir_fd=self._descriptor, follow_symlinks=False))
        except OSError:
            with _errors(self._path / file.name):
                raise

    def open(self, file: SourceFile) -> "OpenFile":
        """Open one of its regular files, whatever stands there now.

        Raises:
            SourceError: it is gone, or is no regular file of its own.
            PermissionDeniedError: this user may not read it.
        """
        self._check_name(file)
        try:
            # Without O_NONBLOCK, to open a pipe would wait for its writer.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(file.name, flags, dir_fd=self._descriptor)
        except OSError:
            with _errors(self._path / file.name):
                raise
        return OpenFile(self._path, file, descriptor, self._passed)

    def _check_name(self, file: SourceFile) -> None:
        if "/" in file.name or file.name in {"", ".", ".."}:
            raise SourceError(f"'{file.name}' is not the name of a file in {self._path}", hint=_AGAIN)

    def _passed(self, size_bytes: int) -> None:
        self._cancel.raise_if_set()
        self._read_bytes += size_bytes
        if self._read_bytes - self._reported_bytes >= BLOCK_BYTES:
            self._reported_bytes = self._read_bytes
            self._on_progress(self._read_bytes)


class OpenFile:
    """One file, read from its beginning to its end, which must be where it was when the snapshot was looked at.

    Attributes:
        identity: of what was opened.
        modified_at: Unix time in whole seconds.
    """

    def __init__(self, directory: Path, file: SourceFile, descriptor: int, passed: Callable[[int], None]) -> None:
        self._directory = directory
        self._file = file
        self._descriptor = descriptor
        self._passed = passed
        self._sha256 = hashlib.sha256()
        self._is_large = file.size_bytes > BLOCK_BYTES
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise SourceError(f"{self._path} is not a regular file", hint=_AGAIN)
        self.identity = _identity(status)
        self.modified_at = self.identity.mtime_ns // 10**9

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_large:
            os.posix_fadvise(self._descriptor, 0, self._file.size_bytes, os.POSIX_FADV_DONTNEED)
        os.close(self._descriptor)

    @property
    def _path(self) -> Path:
        return self._directory / self._file.name

    def sha256(self) -> str:
        """The SHA-256 of what has been read, in hex."""
        return self._sha256.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """Everything in it, a block at a time.

        Raises:
            SourceError: it can't be read, has another size than it should, or another CRC-32.
            PermissionDeniedError: this user may not read it.
            RunCancelledError: the token was set.
        """
        size_bytes, crc32, expected_bytes = 0, 0, self._file.size_bytes
        # One byte more than there should be is asked for, to see whether the file has grown.
        while block := self._read(size_bytes, min(BLOCK_BYTES, expected_bytes + 1 - size_bytes)):
            size_bytes += len(block)
            if size_bytes > expected_bytes:
                break
            self._passed(len(block))
            self._sha256.update(block)
            if self._file.crc32 is not None:
                crc32 = isal_zlib.crc32(block, crc32)
            yield block
            if size_bytes == expected_bytes and len(block) < BLOCK_BYTES:  # it gave less than was asked for: its end
                break
        self._check(size_bytes, crc32)

    def _read(self, offset: int, size_bytes: int) -> bytes:
        if self._is_large and offset % DROP_BYTES == 0:  # the many small ones aren't worth the calls
            advice = os.POSIX_FADV_DONTNEED if offset else os.POSIX_FADV_SEQUENTIAL
            os.posix_fadvise(self._descriptor, 0, offset, advice)
        try:
            return os.read(self._descriptor, size_bytes)
        except OSError:
            with _errors(self._path):
                raise

    def _check(self, size_bytes: int, crc32: int) -> None:
        if size_bytes != self._file.size_bytes:
            found_bytes = os.fstat(self._descriptor).st_size
            raise SourceError(
                f"{self._path} has {found_bytes} bytes where the snapshot had {self._file.size_bytes}", hint=_AGAIN
            )
        if self._file.crc32 is not None and crc32 != self._file.crc32:
            raise SourceError(
                f"{self._path} has CRC-32 {crc32} where its Digest.crc32 says {self._file.crc32}", hint=_DAMAGED
            )


def _identity(status: os.stat_result) -> FileIdentity:
    return FileIdentity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        with source_errors(path):
            yield
    except SourceError as error:
        match error.__cause__:
            case FileNotFoundError() | NotADirectoryError():
                raise SourceError(f"{path} is gone: it was part of the snapshot", hint=_AGAIN) from error
            case OSError(errno=errno.ELOOP):
                raise SourceError(f"{path} is a symbolic link, not a regular file", hint=_AGAIN) from error
            case _:
                raise SourceError(error.message, hint=_DAMAGED) from error
