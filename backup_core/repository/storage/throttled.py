"""Any storage, at no more than so many bytes a second."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from backup_core.repository.storage.protocol import Capabilities, Content, ObjectInfo, Storage
from backup_core.throttle import Throttle


class ThrottledStorage:
    """Makes content wait on its way in and out; everything else passes.

    Args:
        storage: where objects really are.
        throttle: shared with whoever else uses the same line.
    """

    def __init__(self, storage: Storage, throttle: Throttle) -> None:
        self._storage = storage
        self._throttle = throttle

    @property
    def address(self) -> str:
        """Of the storage."""
        return self._storage.address

    @property
    def capabilities(self) -> Capabilities:
        """Of the storage."""
        return self._storage.capabilities

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object, slowly."""

        def slowed() -> Iterator[bytes]:
            with content.opened() as blocks:
                yield from self._slowed(blocks)

        return self._storage.put(key, replace(content, blocks=slowed), if_absent=if_absent)

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """The content of an object, slowly."""
        with self._storage.get(key, offset_bytes=offset_bytes) as blocks:
            yield self._slowed(blocks)

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or None."""
        return self._storage.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys start with `prefix`."""
        return self._storage.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        """Next parts of keys."""
        return self._storage.folders(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects."""
        self._storage.delete(keys)

    def clear_up(self, before: datetime) -> tuple[str, ...]:
        """Remove what dead puts have left."""
        return self._storage.clear_up(before)

    def unfinished(self) -> tuple[str, ...]:
        """What puts haven't ended."""
        return self._storage.unfinished()

    def close(self) -> None:
        """Let go of connections."""
        self._storage.close()

    def _slowed(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._throttle.passed(len(block))
            yield block
