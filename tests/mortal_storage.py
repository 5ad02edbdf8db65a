"""A storage whose user dies, as by kill -9, at whichever of its operations a test wants."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from backup_core.repository.storage.protocol import Capabilities, Content, ObjectInfo, Storage


class DiedError(BaseException):
    """Nobody catches this: the process is gone."""


class MortalStorage:
    """Counts operations that change something; dies before one of them, and then at each until it is born again.

    Args:
        storage: where objects are, and stay.

    Attributes:
        changes: how many there were since it was born.
    """

    def __init__(self, storage: Storage) -> None:
        self.changes = 0
        self._storage = storage
        self._dies_at: int | None = None
        self._lock = threading.Lock()

    def live(self, changes: int | None = None) -> None:
        """Be born again, to die at the change after so many; or to live on."""
        self.changes = 0
        self._dies_at = changes

    @property
    def address(self) -> str:
        """Of the storage."""
        return self._storage.address

    @property
    def capabilities(self) -> Capabilities:
        """Of the storage."""
        return self._storage.capabilities

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object; all of it has been read when this dies."""
        with content.opened() as blocks:
            whole = b"".join(blocks)
        self._change()
        return self._storage.put(key, replace(content, blocks=Content.of(whole).blocks), if_absent=if_absent)

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """The content of an object."""
        self._look()
        with self._storage.get(key, offset_bytes=offset_bytes) as blocks:
            yield blocks

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or None."""
        self._look()
        return self._storage.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys start with `prefix`."""
        self._look()
        return self._storage.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        """Next parts of keys."""
        self._look()
        return self._storage.folders(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, one by one: between two of them it may die as well."""
        for key in tuple(keys):
            self._change()
            self._storage.delete((key,))

    def clear_up(self, before: datetime) -> tuple[str, ...]:
        """Remove what dead puts have left."""
        self._look()
        return self._storage.clear_up(before)

    def unfinished(self) -> tuple[str, ...]:
        """What puts haven't ended."""
        return self._storage.unfinished()

    def close(self) -> None:
        """Let go of connections."""
        self._storage.close()

    def _change(self) -> None:
        with self._lock:
            self._look()
            self.changes += 1

    def _look(self) -> None:
        if self._dies_at is not None and self.changes >= self._dies_at:
            raise DiedError
