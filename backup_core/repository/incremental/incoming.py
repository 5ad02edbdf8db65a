"""A stored object on its way back: decrypted, decompressed, and held against its manifest before and after that."""

import hashlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager

from backup_core.compression import DECOMPRESSION_ERRORS, zstd_decompressed
from backup_core.encryption import Identities, decrypted
from backup_core.errors import IntegrityError, ObjectNotFoundError, PermissionDeniedError
from backup_core.repository.manifest import StoredObject
from backup_core.repository.storage.protocol import Storage


_HINT = "Choose another backup: see `list`."


@contextmanager
def plain_content(
    storage: Storage, key: str, stored: StoredObject, identities: Identities | None
) -> Iterator[Iterator[bytes]]:
    """What an object was before compression and encryption, block by block; it counts only when it is at its end.

    Args:
        storage: where it is.
        key: its key.
        stored: what its manifest says of it.
        identities: private keys, if it is encrypted.

    Raises:
        IntegrityError: it is missing, or (while reading) isn't the one that was stored.
        PermissionDeniedError: it is encrypted, and none of the identities can read it.
        BackupError: as the store refuses.
    """
    address = f"{storage.address}/{key}"
    with ExitStack() as stack:
        blocks = stack.enter_context(stored_content(storage, key, stored))
        if stored.encryption != "none":
            blocks = stack.enter_context(closing(_decrypted(blocks, identities, address)))
        if stored.compression != "none":
            blocks = stack.enter_context(closing(_decompressed(blocks, address)))
        if (stored.plain_size_bytes, stored.plain_sha256) != (stored.stored_size_bytes, stored.stored_sha256):
            blocks = _checked(blocks, address, stored.plain_size_bytes, stored.plain_sha256)
        yield blocks


@contextmanager
def stored_content(storage: Storage, key: str, stored: StoredObject) -> Iterator[Iterator[bytes]]:
    """An object as it is stored, which needs no private key; else as for `plain_content`."""
    address = f"{storage.address}/{key}"
    with ExitStack() as stack:
        try:
            blocks = stack.enter_context(storage.get(key))
        except ObjectNotFoundError as error:
            raise IntegrityError(f"{address} is missing", hint=_HINT) from error
        yield _checked(blocks, address, stored.stored_size_bytes, stored.stored_sha256)


def _checked(blocks: Iterator[bytes], address: str, size_bytes: int, sha256: str) -> Generator[bytes]:
    found, found_bytes = hashlib.sha256(), 0
    for block in blocks:
        found_bytes += len(block)
        # What has grown needn't be read to its end, which may be far.
        if found_bytes > size_bytes:
            break
        found.update(block)
        yield block
    if found_bytes != size_bytes or found.hexdigest() != sha256:
        raise _other(address)


def _decrypted(blocks: Iterator[bytes], identities: Identities | None, address: str) -> Generator[bytes]:
    if identities is None:
        raise PermissionDeniedError(
            f"{address} is encrypted.", hint="Give the identity file of one of the keys that it was encrypted to."
        )
    return decrypted(blocks, identities, address)


def _decompressed(blocks: Iterator[bytes], address: str) -> Generator[bytes]:
    try:
        yield from zstd_decompressed(blocks)
    except DECOMPRESSION_ERRORS as error:
        raise _other(address) from error


def _other(address: str) -> IntegrityError:
    return IntegrityError(f"{address} has another content than its manifest says", hint=_HINT)
