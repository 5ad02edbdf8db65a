"""Content to store, and what is stored, for tests of storages."""

import random
from collections.abc import Iterator

from backup_core.errors import SourceError
from backup_core.repository.storage.protocol import Content, Storage


MIB = 1 << 20


def noise(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes that look like nothing, the same for the same seed."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311  (no secret)


def streamed(content: bytes, *, is_exact: bool = True, block_bytes: int = 700_000) -> Content:
    """Content that comes in blocks, perhaps without telling how large it is."""

    def blocks() -> Iterator[bytes]:
        for start in range(0, len(content), block_bytes):
            yield content[start : start + block_bytes]

    return Content(blocks, len(content), is_exact=is_exact)


class BrokenContent:
    """Content whose source fails after its beginning.

    Attributes:
        was_closed: whether its blocks were closed.
    """

    def __init__(self, beginning: bytes) -> None:
        self.was_closed = False
        self._beginning = beginning

    @property
    def content(self) -> Content:
        """To be put."""
        return Content(self._blocks, 2 * len(self._beginning), is_exact=False)

    def _blocks(self) -> Iterator[bytes]:
        try:
            yield from streamed(self._beginning).blocks()
            raise SourceError("the file has vanished")
        finally:
            self.was_closed = True


def stored(storage: Storage, key: str, *, offset_bytes: int = 0) -> bytes:
    """The content of an object, from an offset on."""
    with storage.get(key, offset_bytes=offset_bytes) as blocks:
        return b"".join(blocks)


def keys(storage: Storage, prefix: str = "") -> list[str]:
    """Keys of all objects that start with a prefix, as they come."""
    return [info.key for info in storage.list(prefix)]
