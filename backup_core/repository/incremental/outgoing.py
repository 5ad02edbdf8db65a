"""A piece on its way into the store: read, compressed where that helps, encrypted, and hashed before and after."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from backup_core.compression import shrinks, zstd_compressed
from backup_core.encryption import encrypted
from backup_core.errors import StorageError
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.pieces import KnownObject, Piece, object_names
from backup_core.repository.incremental.reading import OpenSource, Reading
from backup_core.repository.manifest import ArchivedFile, StoredObject
from backup_core.repository.storage.protocol import Content, ObjectInfo
from backup_core.source_files import FileIdentity
from backup_core.tar_format import stream_size_bytes


SAMPLE_BYTES = 1 << 20
"""What isn't larger is read once and kept; of what is, as much is compressed to see whether that helps."""

_OVERHEAD = 128
"""A stream grows by less than a part in so many, and `_OVERHEAD_BYTES`: zstd's and age's own bytes."""
_OVERHEAD_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a put has taken, to its end."""

    reading: Reading
    size_bytes: int
    sha256: str


class Outgoing:
    """One piece, see `Sendable`. What is small is read here, what isn't each time that its content is asked for.

    Args:
        piece: what is stored.
        open_source: where its files are.
        now: tells the time.
        encoding: how it is stored.

    Attributes:
        suffix: what the object's name ends in.

    Raises:
        SourceError, PermissionDeniedError: its files can't be read, or aren't what they were; when it is made, and
            where its content is read.
    """

    def __init__(self, piece: Piece, open_source: OpenSource, now: Callable[[], datetime], encoding: Encoding) -> None:
        self._piece = piece
        self._encoding = encoding
        self._new_reading = partial(Reading, piece, open_source, now)
        self._plain_size_bytes = piece.size_bytes if piece.role == "data" else stream_size_bytes(piece.files)
        self._reading = self._new_reading()
        self._taken: _Taken | None = None
        sample = self._sample()
        self._is_compressed = encoding.compress and shrinks(sample)
        self.suffix = encoding.suffix(is_compressed=self._is_compressed)
        is_whole = self._reading.finished_at is not None
        self._payload = b"".join(self._stored_blocks(block for block in (sample,) if block)) if is_whole else None

    @property
    def content(self) -> Content:
        """What is put."""
        if self._payload is not None:
            return Content.of(self._payload)
        is_exact = not self.suffix
        more_bytes = 0 if is_exact else self._plain_size_bytes // _OVERHEAD + _OVERHEAD_BYTES
        return Content(self._read_again, self._plain_size_bytes + more_bytes, is_exact=is_exact)

    @property
    def identities(self) -> dict[FileIdentity, str]:
        """SHA-256 of the files that were read, by file."""
        return self._reading.identities

    def plain_sha256(self) -> str:
        """Of the content before compression; what is large is read for it, unless it has been."""
        if self._reading.finished_at is None:
            self._reading = self._new_reading()
            self._reading.finish()
        return self._reading.plain_sha256

    def names(self) -> Iterator[str]:
        """What the object may be called."""
        return object_names(self._piece, self.suffix, self.plain_sha256)

    def known(self, name: str, info: ObjectInfo) -> KnownObject:
        """What is stored now."""
        taken = self._taken
        if taken is None or taken.size_bytes != info.size_bytes:
            raise StorageError(f"{name} was stored with {info.size_bytes} bytes, which isn't all of it")
        is_data = self._piece.role == "data"
        stored = StoredObject(
            name=name,
            role=self._piece.role,
            plain_size_bytes=self._plain_size_bytes,
            plain_sha256=taken.reading.plain_sha256,
            stored_size_bytes=taken.size_bytes,
            stored_sha256=taken.sha256,
            compression="zstd" if self._is_compressed else "none",
            encryption="age" if self._encoding.recipients else "none",
            crc32=self._piece.files[0].crc32 if is_data else None,
            read_at=taken.reading.finished_at,
            etag=info.etag,
        )
        files = () if is_data else taken.reading.files
        inside = (
            ArchivedFile(name=each.name, size_bytes=each.size_bytes, sha256=each.sha256, object=name) for each in files
        )
        return KnownObject(stored, self._piece.generation, self._encoding.recipients.keys, tuple(inside))

    def _sample(self) -> bytes:
        """The beginning of the content, or all of it if that isn't more."""
        sample = b""
        with closing(self._reading.blocks()) as blocks:
            for block in blocks:
                sample += block
                if self._plain_size_bytes > SAMPLE_BYTES <= len(sample):
                    break
        return sample

    def _read_again(self) -> Generator[bytes]:
        self._reading = self._new_reading()
        return self._stored_blocks(self._reading.blocks())

    def _stored_blocks(self, plain: Generator[bytes]) -> Generator[bytes]:
        self._taken = None
        size_bytes, sha256 = 0, hashlib.sha256()
        with ExitStack() as stack:
            blocks = stack.enter_context(closing(plain))
            if self._is_compressed:
                blocks = stack.enter_context(closing(zstd_compressed(blocks)))
            if self._encoding.recipients:
                blocks = stack.enter_context(closing(encrypted(blocks, self._encoding.recipients)))
            for block in blocks:
                size_bytes += len(block)
                if self.suffix:
                    sha256.update(block)
                yield block
        stored_sha256 = sha256.hexdigest() if self.suffix else self._reading.plain_sha256
        self._taken = _Taken(self._reading, size_bytes, stored_sha256)
