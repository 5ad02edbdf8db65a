"""A stored file read from its beginning to its end, hashed on the way."""

import hashlib
import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from backup_core.errors import IntegrityError, StorageError
from backup_core.storage_errors import storage_errors


if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class StoredBytes(io.RawIOBase):
    """A file of a repository, as decompressors want one: they may read it in a thread of theirs.

    Attributes:
        read_bytes: how much has been read.
        size_bytes: how large the file is.

    Raises:
        IntegrityError: it isn't there, or isn't a regular file.
        PermissionDeniedError: this user may not read it.
        StorageError: anything else that the file system says, here and in reading.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.read_bytes = 0
        self._path = path
        self._sha256 = hashlib.sha256()
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
            os.close(self._descriptor)
            raise IntegrityError(f"{path} is not a regular file")
        self.size_bytes = status.st_size
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def readable(self) -> bool:
        """That is what it is for."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from where the last call ended; 0 at the end of the file.

        Raises:
            StorageError: as above.
        """
        view = memoryview(buffer)
        with storage_errors(self._path, "Failed to read"):
            size_bytes = os.readv(self._descriptor, [view])
        self._sha256.update(view[:size_bytes])
        self.read_bytes += size_bytes
        os.posix_fadvise(self._descriptor, 0, self.read_bytes, os.POSIX_FADV_DONTNEED)
        return size_bytes

    def sha256(self) -> str:
        """The SHA-256 of what has been read, in hex."""
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Close the file; once is enough."""
        if not self.closed:
            super().close()
            os.close(self._descriptor)
