"""Reads one file of a backup in archive mode, and holds it against its manifest."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from backup_core.compression import BLOCK_BYTES, DECOMPRESSION_ERRORS, ArchiveFormat, Decompressor, open_decompressor
from backup_core.errors import IntegrityError
from backup_core.repository import layout
from backup_core.repository.manifest import StoredObject
from backup_core.stored_bytes import StoredBytes


_FORMATS = {"none": ArchiveFormat.TAR, "gzip": ArchiveFormat.TAR_GZ, "zstd": ArchiveFormat.TAR_ZST}


@contextmanager
def read_plain(location: Path, stored: StoredObject) -> Iterator[Iterator[bytes]]:
    """The plain content of a file, block by block; it counts only when it has come to its end.

    Args:
        location: the backup's directory.
        stored: what its manifest says of the file.

    Raises:
        IntegrityError: the file is missing, or (while reading) isn't the one that was stored.
        BackupError: as the operating system refuses.
    """
    path = location / stored.name
    with closing(StoredBytes(path)) as source:
        decompressor = open_decompressor(_FORMATS[stored.compression], source)
        with closing(decompressor):
            yield _checked(path, stored, source, decompressor)


@contextmanager
def read_stored(location: Path, stored: StoredObject) -> Iterator[Iterator[bytes]]:
    """A file as it is stored; arguments and errors as for `read_plain`."""
    path = location / stored.name
    with closing(StoredBytes(path)) as source:
        yield _unchanged(path, stored, source)


def _unchanged(path: Path, stored: StoredObject, source: StoredBytes) -> Iterator[bytes]:
    # What has grown needn't be read to its end.
    while source.read_bytes <= stored.stored_size_bytes and (block := source.read(BLOCK_BYTES)):
        yield block
    if (source.read_bytes, source.sha256()) != (stored.stored_size_bytes, stored.stored_sha256):
        raise _other(path)


def _checked(path: Path, stored: StoredObject, source: StoredBytes, plain: Decompressor) -> Iterator[bytes]:
    sha256, size_bytes = hashlib.sha256(), 0
    while block := _next_block(path, plain):
        size_bytes += len(block)
        if size_bytes > stored.plain_size_bytes:
            raise _other(path)
        sha256.update(block)
        yield block
    while source.read(BLOCK_BYTES):
        pass
    found = (size_bytes, sha256.hexdigest(), source.read_bytes, source.sha256())
    if found != (stored.plain_size_bytes, stored.plain_sha256, stored.stored_size_bytes, stored.stored_sha256):
        raise _other(path)


def _next_block(path: Path, plain: Decompressor) -> bytes:
    try:
        return plain.read(BLOCK_BYTES) or b""
    except DECOMPRESSION_ERRORS as error:
        raise _other(path) from error


def _other(path: Path) -> IntegrityError:
    return IntegrityError(
        f"{path} has another content than {layout.MANIFEST} says", hint="Choose another backup: see `list`."
    )
