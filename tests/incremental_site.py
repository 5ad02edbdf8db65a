"""A node with one table and an incremental repository in memory, for tests of what is stored and how."""

from pathlib import Path

import pyrage

from backup_core.encryption import parse_recipients, read_identities
from backup_core.events import OBJECT_STORED
from backup_core.model import VerifiedTable
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.repository import IncrementalRepository
from backup_core.repository.listing import BackupListing
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Storage
from tests.repository_backups import HOST_ID, TABLE_ID, USERS, FixedClock, RecordingReporter
from tests.small_node import SmallNode, TestContext, Unhurried, back_up, restored
from tests.storage_samples import MIB, noise


KEYS = TableKeys("users", TABLE_ID)
KEY, OTHER = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
PLAIN = Encoding(compress=True, recipients=parse_recipients(()))
SEALED = Encoding(compress=True, recipients=parse_recipients([str(KEY.to_public())]))


class Pace(Unhurried):
    """Counts what was read, and what wasn't."""

    def __init__(self) -> None:
        self.read_bytes = 0
        self.skipped_bytes = 0

    def __call__(self, done_bytes: int) -> None:
        """Read, but for what was skipped."""
        self.read_bytes = done_bytes - self.skipped_bytes

    def skip(self, size_bytes: int) -> None:
        """Not read."""
        self.skipped_bytes += size_bytes


class Site:
    """A node with one table and a repository in memory; everything is stored under tags that count up."""

    storage: Storage

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.node = SmallNode(directory / "data")
        self.storage = MemoryStorage(FixedClock())
        self.state = directory / "state"
        self.reporter = RecordingReporter()
        self.context = TestContext(FixedClock(), self.reporter)
        self._tags = iter(range(1733313018, 1733319999))

    def repository(
        self, encoding: Encoding = PLAIN, *, parallel: int = 2, identity: object = KEY
    ) -> IncrementalRepository:
        """The repository, open."""
        path = self.directory / "identity"
        path.write_text(str(identity))
        made = IncrementalRepository(
            "offsite",
            self.storage,
            state=self.state,
            encoding=encoding,
            reporter=self.reporter,
            clock=FixedClock(),
            identities=read_identities(path),
            parallel=parallel,
        )
        made.open(HOST_ID, "Test Cluster")
        return made

    def back_up(self, encoding: Encoding = PLAIN) -> BackupListing:
        """Back the table up."""
        return back_up(self.repository(encoding), self.node, USERS, self.tag(), self.context)

    def tag(self) -> str:
        """The next tag."""
        return str(next(self._tags))

    def snapshot(self) -> VerifiedTable:
        """A snapshot that is ready to be stored."""
        return self.node.snapshot(USERS, self.tag(), self.context.clock.now())

    def sent(self) -> list[str]:
        """Names of the objects that were sent since this was asked last."""
        events, self.reporter.events[:] = list(self.reporter.events), []
        return sorted(str(fields["object"]) for name, fields in events if name == OBJECT_STORED)

    def restored(self, listing: BackupListing) -> dict[str, bytes]:
        """What a backup gives back."""
        return dict(restored(self.repository(), listing))


def two_sstables(directory: Path) -> Site:
    """A site whose table has an SSTable that is small and shrinks, and one that is neither."""
    site = Site(directory)
    site.node.write(USERS, "1", b"rows" * 1000)
    site.node.write(USERS, "2", noise(3 * MIB))
    return site
