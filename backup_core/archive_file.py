"""The file that an archive is written to: new, complete or gone, hashed on its way to the disk."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from backup_core.errors import StorageFullError
from backup_core.storage_errors import storage_errors


WRITE_BACK_BYTES = 8 << 20


class ArchiveFile:
    """A file that must not exist yet. Leaving the context with an exception removes it again.

    Args:
        path: where it will be; its directory exists.
        most_bytes: how large it may become, for the message where there is no space for it.

    Raises:
        StorageFullError: no space, quota or file size is left, on creation and on each write.
        PermissionDeniedError: this user may not write there.
        StorageError: anything else that the file system says.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.size_bytes = 0
        self._path = path
        self._most_bytes = most_bytes
        self._sha256 = hashlib.sha256()
        self._written_back_bytes = 0
        with self._errors():
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        # A compressor that failed writes its end once more when it is collected: by then the number is another file's.
        self._descriptor = -1

    def write(self, data: bytes | memoryview) -> int:
        """Append all of `data`; the disk is set to work early, so that the end has little to wait for.

        Raises:
            StorageError: as above.
        """
        left = memoryview(data)
        with self._errors():
            while left:
                left = left[os.write(self._descriptor, left) :]
            self._sha256.update(data)
            self.size_bytes += len(data)
            if self.size_bytes - self._written_back_bytes >= WRITE_BACK_BYTES:
                self._write_back()
        return len(data)

    def flush(self) -> None:
        """Nothing waits here; compressors ask all the same."""

    def commit(self) -> str:
        """Wait until everything is on the disk; the SHA-256 of what is, in hex.

        Raises:
            StorageError: as above; some file systems notice only here that they are full.
        """
        with self._errors():
            os.fsync(self._descriptor)
        return self._sha256.hexdigest()

    def _write_back(self) -> None:
        # On pages that aren't on the disk yet this begins to write them (mm/fadvise.c); it frees those that are.
        os.posix_fadvise(self._descriptor, 0, self.size_bytes, os.POSIX_FADV_DONTNEED)
        self._written_back_bytes = self.size_bytes

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with storage_errors(self._path):
                yield
        except StorageFullError as error:
            raise StorageFullError(
                f"{error.message}: {self.size_bytes} bytes are written, up to {self._most_bytes} are needed",
                hint=error.hint,
            ) from error
