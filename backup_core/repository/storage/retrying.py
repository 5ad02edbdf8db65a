"""Any storage, asked again where it was unavailable. Nobody else retries: steps contain no loops for it."""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from backup_core.cancel import CancelToken
from backup_core.errors import ObjectExistsError, StorageUnavailableError
from backup_core.events import STORAGE_RETRIED, Reporter
from backup_core.repository.storage.protocol import Capabilities, Content, ObjectInfo, Storage


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often something is tried, and how long is waited in between: twice as long each time, less a part by chance.

    Attributes:
        attempts: all of them together.
        first_seconds: before the second attempt, at most.
        most_seconds: before any attempt.
    """

    attempts: int = 5
    first_seconds: float = 2.0
    most_seconds: float = 60.0

    def delay_seconds(self, failures: int) -> float:
        """How long to wait after so many failures; by chance, since nodes that failed together shan't come together."""
        longest = min(self.most_seconds, self.first_seconds * 2.0 ** (failures - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)


class RetryingStorage:
    """Asks again after StorageUnavailableError, and tells of it.

    Args:
        storage: where objects really are.
        backoff: how often and when.
        cancel: ends the waiting.
        reporter: hears `storage.retried`.
    """

    def __init__(self, storage: Storage, backoff: Backoff, cancel: CancelToken, reporter: Reporter) -> None:
        self._storage = storage
        self._backoff = backoff
        self._cancel = cancel
        self._reporter = reporter

    @property
    def address(self) -> str:
        """Of the storage."""
        return self._storage.address

    @property
    def capabilities(self) -> Capabilities:
        """Of the storage."""
        return self._storage.capabilities

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object. One that a former attempt has put, though its answer was lost, isn't taken for another's."""
        failures = 0
        while True:
            try:
                return self._storage.put(key, content, if_absent=if_absent)
            except StorageUnavailableError as error:
                failures += 1
                self._wait_after(error, f"put {key}", failures)
            except ObjectExistsError:
                found = self.stat(key) if failures else None
                if found is None or not self._is_stored(key, content, found.size_bytes):
                    raise
                return found

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """The content of an object; where it breaks off, what follows is asked for."""
        with ExitStack() as current:

            def opened(at_bytes: int) -> Iterator[bytes]:
                current.close()
                return current.enter_context(self._storage.get(key, offset_bytes=at_bytes))

            first = self._retried(f"get {key}", lambda: opened(offset_bytes))
            yield self._continued(key, first, opened, offset_bytes)

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or None."""
        return self._retried(f"look at {key}", lambda: self._storage.stat(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys start with `prefix`; begun anew where it breaks off, without those that were told."""
        return self._listed(f"list {prefix}", lambda: self._storage.list(prefix), lambda info: info.key)

    def folders(self, prefix: str) -> Iterator[str]:
        """Next parts of keys; begun anew where it breaks off, without those that were told."""
        return self._listed(f"list {prefix}", lambda: self._storage.folders(prefix), lambda folder: f"{folder}/")

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects."""
        chosen = tuple(keys)
        self._retried(f"remove {len(chosen)} objects", lambda: self._storage.delete(chosen))

    def clear_up(self, before: datetime) -> tuple[str, ...]:
        """Remove what dead puts have left."""
        return self._retried("clear up", lambda: self._storage.clear_up(before))

    def unfinished(self) -> tuple[str, ...]:
        """What puts haven't ended."""
        return self._retried("list what is unfinished", self._storage.unfinished)

    def close(self) -> None:
        """Let go of connections."""
        self._storage.close()

    def _retried(self, operation: str, ask: Callable[[], T]) -> T:
        failures = 0
        while True:
            try:
                return ask()
            except StorageUnavailableError as error:
                failures += 1
                self._wait_after(error, operation, failures)

    def _listed(self, operation: str, ask: Callable[[], Iterator[T]], key_of: Callable[[T], str]) -> Iterator[T]:
        failures, told = 0, ""
        while True:
            try:
                for each in ask():
                    if key_of(each) > told:
                        failures, told = 0, key_of(each)
                        yield each
            except StorageUnavailableError as error:
                failures += 1
                self._wait_after(error, operation, failures)
            else:
                return

    def _continued(
        self, key: str, blocks: Iterator[bytes], opened: Callable[[int], Iterator[bytes]], at_bytes: int
    ) -> Iterator[bytes]:
        failures = 0
        while True:
            try:
                for block in blocks if not failures else opened(at_bytes):
                    failures, at_bytes = 0, at_bytes + len(block)
                    yield block
            except StorageUnavailableError as error:
                failures += 1
                self._wait_after(error, f"get {key}", failures)
            else:
                return

    def _wait_after(self, error: StorageUnavailableError, operation: str, failures: int) -> None:
        if failures >= self._backoff.attempts:
            raise error
        delay_seconds = self._backoff.delay_seconds(failures)
        self._reporter.warning(
            STORAGE_RETRIED,
            address=self.address,
            operation=operation,
            attempt=failures,
            error=str(error),
            delay_seconds=delay_seconds,
        )
        self._cancel.sleep(delay_seconds)

    def _is_stored(self, key: str, content: Content, size_bytes: int) -> bool:
        """Whether an object has this very content."""
        if content.is_exact and content.most_bytes != size_bytes:
            return False
        with self.get(key) as stored, content.opened() as blocks:
            return _digest(stored) == _digest(blocks)


def _digest(blocks: Iterator[bytes]) -> bytes:
    sha256 = hashlib.sha256()
    for block in blocks:
        sha256.update(block)
    return sha256.digest()
