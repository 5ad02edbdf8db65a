"""The tar stream inside a stored archive: decompressed block by block, both sides of it hashed, nothing trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.checksums import BackgroundSha256
from backup_core.compression import BLOCK_BYTES, DECOMPRESSION_ERRORS, ArchiveFormat, open_decompressor
from backup_core.errors import IntegrityError
from backup_core.plain_blocks import PlainBlocks
from backup_core.stored_bytes import StoredBytes


_HINT = "Don't restore from it; use another backup, and check the repository's disk."


@dataclass(frozen=True, slots=True)
class ArchiveTotals:
    """Sizes and SHA-256 of an archive that has been read to its end: as it is stored, and the plain tar stream."""

    size_bytes: int
    sha256: str
    plain_size_bytes: int
    plain_sha256: str


class PlainStream(PlainBlocks):
    """What `TarStream` once took, as it comes back out of its file.

    Args:
        path: the archive.
        archive_format: how it is stored.
        most_plain_bytes: how large it may be; reading stops less than a block behind that.
        on_progress: hears how many bytes of the stored file have been read.
        cancel: looked at before each block.

    Raises:
        IntegrityError: the archive is missing, or (while reading) isn't what it should be.
        PermissionDeniedError: this user may not read it.
        StorageError: it can't be read.
    """

    def __init__(
        self,
        path: Path,
        archive_format: ArchiveFormat,
        *,
        most_plain_bytes: int,
        on_progress: Callable[[int], None],
        cancel: CancelToken,
    ) -> None:
        super().__init__()
        self._path = path
        self._most_plain_bytes = most_plain_bytes
        self._on_progress = on_progress
        self._cancel = cancel
        self._stored = StoredBytes(path)
        self._source = open_decompressor(archive_format, self._stored)
        self._sha256 = BackgroundSha256()
        self._sha256.start()

    @property
    def stored_size_bytes(self) -> int:
        """Size of the stored file, read or not."""
        return self._stored.size_bytes

    def close(self) -> None:
        """End the threads and close the file."""
        self._sha256.stop()
        self._source.close()
        self._stored.close()

    def finish(self) -> ArchiveTotals:
        """Read what is left, down to the last byte of the file.

        Raises:
            IntegrityError: there is anything but zeros, or it can't be decompressed.
        """
        self.read_padding(BLOCK_BYTES)
        while self._stored.read(BLOCK_BYTES):
            pass
        self._on_progress(self._stored.read_bytes)
        return ArchiveTotals(
            self._stored.read_bytes, self._stored.sha256(), self._sha256.size_bytes, self._sha256.hexdigest()
        )

    def damaged(self, reason: str) -> IntegrityError:
        """What to raise where the archive isn't what it should be."""
        return IntegrityError(f"{self._path} is damaged: {reason}", hint=_HINT)

    def _next_block(self) -> bytes:
        self._cancel.raise_if_set()
        read_bytes = self._sha256.size_bytes
        if read_bytes > self._most_plain_bytes:
            raise self.damaged(f"it holds more than the {self._most_plain_bytes} bytes that it may hold")
        try:
            block: bytes = self._source.read(BLOCK_BYTES) or b""
        except DECOMPRESSION_ERRORS as error:
            raise self.damaged(f"after {read_bytes} bytes it can't be decompressed ({error})") from error
        self._sha256.update(block)
        self._on_progress(self._stored.read_bytes)
        return block
