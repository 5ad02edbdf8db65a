"""A node with one table, an incremental repository in memory, and a clock that both go by."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Generic, TypeVar

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.encryption import Identities, parse_recipients
from backup_core.lock import TableLocks
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.repository import IncrementalRepository
from backup_core.repository.listing import BackupListing
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, Storage
from backup_core.repository.verification import DEEP, Depth, VerifyPass, VerifyResult
from tests.repository_backups import HOST_ID, TABLE_ID, USERS, RecordingReporter
from tests.small_node import SmallNode, TestContext, Unhurried
from tests.stepped_clock import SteppedClock
from tests.storage_samples import keys as stored_keys


S = TypeVar("S", bound=MemoryStorage)

KEYS = TableKeys("users", TABLE_ID)
PLAIN = Encoding(compress=True, recipients=parse_recipients(()))


class SteppedSite(Generic[S]):
    """Backups are made an hour apart.

    Args:
        directory: of the node's files and state.
        store: makes the store.
        encoding: how objects are stored.
    """

    def __init__(
        self,
        directory: Path,
        *,
        store: Callable[[Clock], S],
        encoding: Encoding = PLAIN,
    ) -> None:
        self.directory = directory
        self.clock = SteppedClock("2026-11-22T13:00:00")
        self.store = store(self.clock)
        self.node = SmallNode(directory / "data")
        self.reporter = RecordingReporter()
        self.encoding = encoding
        self.repository = self.opened(self.store)
        self._tags = iter(range(1733313018, 1733319999))

    def opened(
        self, storage: Storage, *, state: str = "state", identities: Identities | None = None
    ) -> IncrementalRepository:
        """The repository, over a storage; with another state it is another machine's."""
        repository = IncrementalRepository(
            "offsite",
            storage,
            state=self.directory / state,
            encoding=self.encoding,
            reporter=self.reporter,
            clock=self.clock,
            identities=identities,
        )
        repository.open(HOST_ID, "Test Cluster")
        return repository

    def back_up(self, *generations: str) -> BackupListing:
        """Back the table up, an hour later, when it has these SSTables."""
        return self.repository.find(USERS.name, self.back_up_unlisted(*generations))

    def back_up_unlisted(self, *generations: str) -> str:
        """The same; its tag."""
        self.clock.step(hours=1)
        for name in self.node.files(USERS):
            if (generation := name.split("-")[1]) not in generations:
                self.node.compact(USERS, generation)
        for generation in generations:
            if f"me-{generation}-big-Data.db" not in self.node.files(USERS):
                self.node.write(USERS, generation, f"rows of {generation} ".encode() * 50)
        tag = str(next(self._tags))
        context = TestContext(self.clock, self.reporter)
        self.repository.store(context, self.node.snapshot(USERS, tag, self.clock.now()), Unhurried())
        return tag

    def verify(self, listing: BackupListing, depth: Depth = DEEP, *, within: VerifyPass | None = None) -> VerifyResult:
        """Verify a backup as it is listed now."""
        return self.repository.verify(
            self.repository.find(listing.table, listing.tag),
            depth=depth,
            on_progress=lambda _bytes: None,
            cancel=CancelToken(),
            within=within,
        )

    def sweep(self, *, later: timedelta = timedelta(hours=50)) -> int:
        """Sweep the table, some time later."""
        self.clock.step(seconds=later.total_seconds())
        return self.repository.sweep(("users",), self.clock.now(), TableLocks(self.directory / "locks"))

    def objects(self) -> set[str]:
        """Names of the objects that are stored."""
        return {key.removeprefix(KEYS.objects) for key in stored_keys(self.store, KEYS.objects)}

    def all_keys(self) -> list[str]:
        """All keys that are stored."""
        return stored_keys(self.store)

    def spoil(self, name: str, content: bytes = b"x" * 40) -> None:
        """Make an object something else."""
        self.store.put(KEYS.object(name), Content.of(content))

    def told(self, event: str) -> list[dict[str, object]]:
        """What was said with an event."""
        return [fields for name, fields in self.reporter.events if name == event]


def site_in(directory: Path, *, encoding: Encoding = PLAIN) -> SteppedSite[MemoryStorage]:
    """A site with a store that does as it should."""
    return SteppedSite(directory, store=MemoryStorage, encoding=encoding)
