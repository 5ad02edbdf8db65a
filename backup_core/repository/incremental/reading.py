"""One reading of a piece's files, from the first to the last byte: what an object is before compression."""

import hashlib
from collections.abc import Callable, Generator
from datetime import datetime

from backup_core.model import SourceFile, StoredFile
from backup_core.repository.incremental.pieces import Piece
from backup_core.source_files import FileIdentity, OpenFile, SourceDirectory
from backup_core.tar_blocks import tar_blocks


OpenSource = Callable[[], SourceDirectory]
"""Opens the directory of the snapshot."""


class Reading:
    """A reading of a piece, which counts when `blocks` has come to its end.

    Args:
        piece: what is read.
        open_source: where it is.
        now: tells the time.

    Attributes:
        files: what was read.
        identities: SHA-256 by file, of the same.
        plain_sha256: of the content.
        finished_at: when it was at its end, each Data.db held against its digest; None before.
    """

    def __init__(self, piece: Piece, open_source: OpenSource, now: Callable[[], datetime]) -> None:
        self.files: list[StoredFile] = []
        self.identities: dict[FileIdentity, str] = {}
        self.plain_sha256 = ""
        self.finished_at: datetime | None = None
        self._piece = piece
        self._open_source = open_source
        self._now = now

    def blocks(self) -> Generator[bytes]:
        """The content, read once.

        Raises:
            BackupError: as `OpenFile.blocks` does.
        """
        with self._open_source() as source:
            yield from self._data(source) if self._piece.role == "data" else self._tar(source)
        self.finished_at = self._now()

    def finish(self) -> None:
        """Read everything, for its SHA-256 alone; errors as for `blocks`."""
        for _ in self.blocks():
            pass

    def _data(self, source: SourceDirectory) -> Generator[bytes]:
        (file,) = self._piece.files
        with source.open(file) as content:
            yield from content.blocks()
            self._read(file, content)
        self.plain_sha256 = self.files[0].sha256

    def _tar(self, source: SourceDirectory) -> Generator[bytes]:
        sha256 = hashlib.sha256()
        for block in tar_blocks(self._piece.files, source, self._read):
            sha256.update(block)
            yield block
        self.plain_sha256 = sha256.hexdigest()

    def _read(self, file: SourceFile, content: OpenFile) -> None:
        sha256 = content.sha256()
        self.files.append(StoredFile(file.name, file.size_bytes, sha256))
        self.identities[content.identity] = sha256
