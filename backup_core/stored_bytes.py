"""A stored file read from its beginning to its end, and hashed meanwhile in a thread of its own."""

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from backup_core.checksums import BackgroundSha256
from backup_core.errors import IntegrityError, StorageError
from backup_core.storage_errors import storage_errors


if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


MOST_READ_BYTES = 1 << 20
"""At once: what a decompressor asks for may be much more, and several such blocks wait to be hashed."""


class StoredBytes(io.RawIOBase):
    """A file of a repository, as decompressors want one: they may read it in a thread of theirs.

    Attributes:
        size_bytes: how large the file is.

    Raises:
        IntegrityError: it isn't there, or isn't a regular file.
        PermissionDeniedError: this user may not read it.
        StorageError: anything else that the file system says, here and in reading.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._sha256 = BackgroundSha256()
        try:
            # Without O_NONBLOCK, to open a pipe would wait for its writer.
            with storage_errors(path, "Failed to read"):
                self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except StorageError as error:
            if path.exists():
                raise
            raise IntegrityError(f"{path} is missing", hint="It may have been removed by hand or by cron.") from error
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise IntegrityError(f"{path} is not a regular file")
        self.size_bytes = status.st_size
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        self._sha256.start()

    @property
    def read_bytes(self) -> int:
        """How much has been read."""
        return self._sha256.size_bytes

    def readable(self) -> bool:
        """That is what it is for."""
        return True

    def read(self, size_bytes: int = MOST_READ_BYTES, /) -> bytes:
        """Some of the next bytes, `size_bytes` at most; none at the end of the file.

        Raises:
            StorageError: as above.
        """
        with storage_errors(self._path, "Failed to read"):
            block = os.read(self._descriptor, min(size_bytes, MOST_READ_BYTES))
        self._sha256.update(block)
        os.posix_fadvise(self._descriptor, 0, self.read_bytes, os.POSIX_FADV_DONTNEED)
        return block

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Put into `buffer` what `read` returns, and say how much that is.

        Raises:
            StorageError: as above.
        """
        view = memoryview(buffer)
        block = self.read(len(view))
        view[: len(block)] = block
        return len(block)

    def sha256(self) -> str:
        """The SHA-256 of what has been read, in hex; nothing is read after that."""
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Close the file and end the thread; once is enough."""
        if not self.closed:
            super().close()
            self._sha256.stop()
            os.close(self._descriptor)
