"""Reads an archive of the predecessor to its end: nothing tells what it should hold, only whether it unpacks."""

import gzip
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError
from backup_core.storage_errors import storage_errors


_BLOCK_BYTES = 1 << 20


def check_readable(path: Path, *, on_progress: Callable[[int], None], cancel: CancelToken) -> None:
    """Read every byte of a `tar.gz`.

    Args:
        path: the archive.
        on_progress: hears how many of its bytes are through so far.
        cancel: looked at between two blocks.

    Raises:
        IntegrityError: if it is damaged or ends early.
        RunCancelledError: if the token was set.
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to read"), path.open("rb") as file:
        try:
            with _Watched(file, on_progress, cancel) as plain:
                _read_to_the_end(plain)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise IntegrityError(f"{path.name} can't be read to its end: {error}") from error


def _read_to_the_end(plain: "_Watched") -> None:
    with tarfile.open(fileobj=plain, mode="r|") as archive:
        for _ in archive:
            pass
    # What stands behind the last member, and the CRC at the very end.
    while plain.read(_BLOCK_BYTES):
        pass


class _Watched(gzip.GzipFile):
    """What a gzip file holds, with an eye on how much of the file is through and on the cancel token."""

    def __init__(self, file: BinaryIO, on_progress: Callable[[int], None], cancel: CancelToken) -> None:
        super().__init__(fileobj=file)
        self._file = file
        self._on_progress = on_progress
        self._cancel = cancel

    def read(self, size: int | None = -1) -> bytes:
        self._cancel.raise_if_set()
        block = super().read(size)
        self._on_progress(self._file.tell())
        return block
