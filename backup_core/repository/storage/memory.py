"""Objects in memory: for tests, and for trying things out. Nothing outlives the process."""

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from backup_core.clock import Clock
from backup_core.errors import ObjectExistsError, ObjectNotFoundError
from backup_core.repository.storage.keys import check_folder, check_key, check_prefix
from backup_core.repository.storage.protocol import Capabilities, Content, ObjectInfo


BLOCK_BYTES = 1 << 20


class MemoryStorage:
    """A storage of which nothing is left when the process ends.

    Args:
        clock: when objects are put.
    """

    address = "memory:"
    capabilities = Capabilities(conditional_put=True, checksums=False, batch_delete=True, resumes_parts=False)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object."""
        check_key(key)
        with content.opened() as blocks:
            stored = b"".join(blocks)
        etag = hashlib.sha256(stored).hexdigest()
        with self._lock:
            if if_absent and key in self._objects:
                raise ObjectExistsError(f"{self.address}{key} exists already")
            info = ObjectInfo(key, len(stored), self._clock.now(), etag)
            self._objects[key] = (info, stored)
        return info

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """The content of an object."""
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            raise ObjectNotFoundError(f"{self.address}{key} isn't there")
        content = memoryview(found[1])[offset_bytes:]
        yield (bytes(content[start : start + BLOCK_BYTES]) for start in range(0, len(content), BLOCK_BYTES))

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or None."""
        check_key(key)
        with self._lock:
            found = self._objects.get(key)
        return found[0] if found else None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys start with `prefix`, as they were when the first was asked for."""
        check_prefix(prefix)
        with self._lock:
            found = sorted(key for key in self._objects if key.startswith(prefix))
        for key in found:
            if info := self.stat(key):
                yield info

    def folders(self, prefix: str) -> Iterator[str]:
        """Next parts of keys."""
        check_folder(prefix)
        with self._lock:
            rests = [key.removeprefix(prefix) for key in self._objects if key.startswith(prefix)]
        yield from (
            folder.removesuffix("/") for folder in sorted({f"{rest.split('/')[0]}/" for rest in rests if "/" in rest})
        )

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects."""
        for key in keys:
            check_key(key)
            with self._lock:
                self._objects.pop(key, None)

    def clear_up(self, before: datetime) -> tuple[str, ...]:  # noqa: ARG002  (the interface's)
        """Nothing is ever left half-done here."""
        return ()

    def unfinished(self) -> tuple[str, ...]:
        """Nothing, likewise."""
        return ()

    def close(self) -> None:
        """Nothing to let go of."""
