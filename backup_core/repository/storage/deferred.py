"""Any storage, made when it is first used: what some of them need takes longer to import than the rest of a verb."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

from backup_core.repository.storage.protocol import Capabilities, Content, ObjectInfo, Storage


class DeferredStorage:
    """Passes everything on.

    Args:
        address: of the storage.
        make: called once, when anything but the address is asked for first; what it raises, whoever asks gets.
    """

    def __init__(self, address: str, make: Callable[[], Storage]) -> None:
        self.address = address
        self._make = make
        self._lock = threading.Lock()
        self._made: Storage | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Of the storage."""
        return self._storage.capabilities

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object."""
        return self._storage.put(key, content, if_absent=if_absent)

    def get(self, key: str, *, offset_bytes: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The content of an object."""
        return self._storage.get(key, offset_bytes=offset_bytes)

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
        """Let go of connections, if it was used."""
        if self._made is not None:
            self._made.close()

    @property
    def _storage(self) -> Storage:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made
