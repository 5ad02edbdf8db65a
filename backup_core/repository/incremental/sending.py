"""Sends what becomes objects, several at a time; the first that fails ends them all."""

import threading
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

from backup_core.errors import ObjectExistsError, StorageError
from backup_core.events import OBJECT_STORED
from backup_core.repository.incremental.catalogue import Catalogue
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.pieces import KnownObject
from backup_core.repository.storage.protocol import Content, ObjectInfo, Storage
from backup_core.source_files import FileIdentity
from backup_core.step import Interruptible


T = TypeVar("T")

MOST_NAMES = 20
"""Of an object, before something is wrong with the store."""

GoOn = Callable[[], None]
"""To be called before each block; raises where nothing more is to be sent."""


class Sendable(Protocol):
    """What becomes an object: `Outgoing` is a piece of a snapshot, `Forwarded` comes from another repository."""

    @property
    def content(self) -> Content:
        """What is put."""
        ...

    @property
    def identities(self) -> Mapping[FileIdentity, str]:
        """SHA-256 of the files that were read for it, by file."""
        ...

    def names(self) -> Iterator[str]:
        """What the object may be called, the best name first; none comes twice."""
        ...

    def known(self, name: str, info: ObjectInfo) -> KnownObject:
        """What is stored now.

        Args:
            name: of the object.
            info: what the store says of it.

        Raises:
            StorageError: the store hasn't taken all of it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Destination:
    """Where objects of a table go.

    Attributes:
        catalogue: hears of each that is stored, at once: what a run that dies has sent, the next one uses.
        encoding: how they are stored.
        parallel: how many are sent at a time.
    """

    storage: Storage
    keys: TableKeys
    catalogue: Catalogue
    encoding: Encoding
    parallel: int


class _StoppedError(Exception):
    """Another piece has failed."""


class Sender(Generic[T]):
    """Sends what one backup needs.

    Args:
        destination: where it goes.
        sendable: makes what is sent of a thing that is to be sent.
        taken: names of objects that are none of the catalogue's, and mustn't be given.
        context: its reporter, clock and cancel token are used.
    """

    def __init__(
        self,
        destination: Destination,
        sendable: Callable[[T, GoOn], Sendable],
        *,
        taken: Container[str],
        context: Interruptible,
    ) -> None:
        self._destination = destination
        self._sendable = sendable
        self._taken = taken
        self._context = context
        self._lock = threading.Lock()
        self._given: set[str] = set()
        self._sent: list[tuple[T, KnownObject]] = []
        self._failure: BaseException | None = None

    def send(self, things: Iterable[T]) -> list[tuple[T, KnownObject]]:
        """Send things; what each is stored as, in the order in which they were done.

        Raises:
            BackupError: the first failure; nothing else goes on for longer than a block then.
        """
        waiting = iter(things)
        with ThreadPoolExecutor(self._destination.parallel, thread_name_prefix="send") as pool:
            for _ in range(self._destination.parallel):
                pool.submit(copy_context().run, self._work, waiting)
        if self._failure is not None:
            raise self._failure
        return self._sent

    def _work(self, waiting: Iterator[T]) -> None:
        try:
            while (thing := self._next(waiting)) is not None:
                known = self._put(thing)
                with self._lock:
                    self._sent.append((thing, known))
        except BaseException as error:  # noqa: BLE001  (it is raised again, in the thread that waits)
            with self._lock:
                self._failure = self._failure or error

    def _next(self, waiting: Iterator[T]) -> T | None:
        self._go_on()
        with self._lock:
            return next(waiting, None)

    def _put(self, thing: T) -> KnownObject:
        destination, table_id = self._destination, self._destination.keys.table_id
        sendable = self._sendable(thing, self._go_on)
        for name in islice(sendable.names(), MOST_NAMES):
            if not self._take(name):
                continue
            try:
                # Nothing is ever put over: the catalogue may be wrong about what there is.
                info = destination.storage.put(destination.keys.object(name), sendable.content, if_absent=True)
            except ObjectExistsError:
                continue
            known = sendable.known(name, info)
            destination.catalogue.add(table_id, known, sendable.identities)
            self._context.reporter.event(
                OBJECT_STORED,
                table=destination.keys.table_name,
                object=name,
                size_bytes=known.stored.stored_size_bytes,
                plain_size_bytes=known.stored.plain_size_bytes,
            )
            return known
        raise StorageError(
            f"{destination.storage.address}/{destination.keys.object(name)} and all other names for it are taken",
            hint="Does anybody else write there? Look with `repository check`.",
        )

    def _take(self, name: str) -> bool:
        """Take a name that no object of the table has; whether it was free."""
        with self._lock:
            if name in self._given or name in self._taken:
                return False
            self._given.add(name)
        return not self._destination.catalogue.has_object(self._destination.keys.table_id, name)

    def _go_on(self) -> None:
        self._context.cancel.raise_if_set()
        if self._failure is not None:
            raise _StoppedError
