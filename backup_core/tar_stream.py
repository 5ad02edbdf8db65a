"""The stream of a tar archive on its way into a file: gathered into blocks, hashed, compressed."""

from contextlib import suppress
from types import TracebackType
from typing import Self

from backup_core.checksums import BackgroundSha256
from backup_core.compression import BLOCK_BYTES, ArchiveFormat, Sink, open_compressor
from backup_core.tar_format import end_of_archive


LARGE_BYTES = 64 << 10
"""From here on a piece goes its way alone: to gather it with others would only copy it."""


class TarStream:
    """Takes an archive's pieces in order. Leaving the context ends its threads, whatever happened.

    Attributes:
        size_bytes: of the plain stream so far.
    """

    def __init__(self, archive_format: ArchiveFormat, sink: Sink) -> None:
        self.size_bytes = 0
        self._small: list[bytes] = []
        self._small_bytes = 0
        self._sha256 = BackgroundSha256()
        self._compressor = open_compressor(archive_format, sink)

    def __enter__(self) -> Self:
        self._sha256.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(Exception):  # the sink may well say once more what has gone wrong already
                self._compressor.close()
        self._sha256.stop()

    def write(self, piece: bytes) -> None:
        """Append `piece`; small ones travel together, or handing them over would cost more than they do.

        Raises:
            StorageError: whatever the sink says.
        """
        self.size_bytes += len(piece)
        if len(piece) >= LARGE_BYTES:
            self._send_small()
            self._send(piece)
            return
        self._small.append(piece)
        self._small_bytes += len(piece)
        if self._small_bytes >= BLOCK_BYTES:
            self._send_small()

    def finish(self) -> str:
        """End the archive; when this returns the sink has got everything. The plain stream's SHA-256, in hex.

        Raises:
            StorageError: whatever the sink says.
        """
        self.write(end_of_archive(self.size_bytes))
        self._send_small()
        self._compressor.close()
        return self._sha256.hexdigest()

    def _send_small(self) -> None:
        if self._small:
            self._send(b"".join(self._small))
            self._small.clear()
            self._small_bytes = 0

    def _send(self, block: bytes) -> None:
        self._sha256.update(block)
        self._compressor.write(block)
