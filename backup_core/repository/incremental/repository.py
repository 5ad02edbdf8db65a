"""A repository that stores each SSTable once, over any storage."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backup_core.clock import Clock
from backup_core.encryption import Identities
from backup_core.errors import ManifestError, NotFoundError
from backup_core.events import DEBRIS_REMOVED, Reporter
from backup_core.model import StoredBackup, VerifiedTable
from backup_core.ownership import as_owner_of
from backup_core.repository import layout
from backup_core.repository.finding import find_backup
from backup_core.repository.holds import Hold
from backup_core.repository.incremental import notes
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.listing import list_backups, list_tables, tags_in_use
from backup_core.repository.incremental.marker import MODE, claim, read_marker
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.incremental.removing import remove_backup
from backup_core.repository.listing import BackupListing
from backup_core.repository.marker import Marker
from backup_core.repository.storage.protocol import Storage
from backup_core.step import Interruptible


if TYPE_CHECKING:
    from backup_core.cancel import CancelToken
    from backup_core.repository.findings import Findings
    from backup_core.repository.incremental.catalogue import Catalogue
    from backup_core.repository.incremental.sending import Destination
    from backup_core.repository.manifest import Manifest, StoredObject
    from backup_core.repository.protocol import Locks, ReadStored, Removed, SnapshotPace
    from backup_core.repository.verification import Depth, Progress, VerifyPass, VerifyResult


PARALLEL = 4
GRACE = timedelta(hours=48)


class IncrementalRepository:
    """Backups of one node's tables, which share what they have in common. See `Repository`.

    Args:
        name: as the settings call it.
        storage: where it is, for this host alone.
        state: a directory for what is known of repositories; it can be lost.
        encoding: how objects are stored from now on; others are read all the same.
        identities: private keys, where encrypted objects are to be read.
        parallel: how many objects are sent at a time.
        grace: what is younger isn't removed, whether anybody needs it or not.
        directory: where it is, if that is a directory of this machine.
        allow_same_disk: whether that may be on the disk of the node's data.
        is_host: whether this is the node whose repository it is, as far as that is known.
    """

    def __init__(
        self,
        name: str,
        storage: Storage,
        *,
        state: Path,
        encoding: Encoding,
        reporter: Reporter,
        clock: Clock,
        identities: Identities | None = None,
        parallel: int = PARALLEL,
        grace: timedelta = GRACE,
        directory: Path | None = None,
        allow_same_disk: bool = False,
        is_host: bool = True,
    ) -> None:
        self.name = name
        self.mode = MODE
        self.allow_same_disk = allow_same_disk
        self._storage = storage
        self._state = state
        self._encoding = encoding
        self._reporter = reporter
        self._clock = clock
        self._identities = identities
        self._parallel = parallel
        self._grace = grace
        self._directory = directory
        self._is_host = is_host
        self._marker: Marker | None = None

    @property
    def address(self) -> str:
        """That of its storage."""
        return self._storage.address

    @property
    def directory(self) -> Path | None:
        """Where it is, if that is a directory of this machine."""
        return self._directory

    def open(self, host_id: str, cluster: str | None) -> Marker:
        """See `Repository`."""
        self._marker = claim(self._storage, host_id, cluster, self._clock.now())
        return self._marker

    def open_read_only(self) -> Marker:
        """See `Repository`; there is always a marker."""
        self._marker = read_marker(self._storage)
        if self._marker is None:
            raise NotFoundError(
                f"The repository {self.name} isn't there: {self.address} has no marker of one.",
                hint="It is made by the first backup. Are bucket, prefix and path right in settings.toml?",
            )
        return self._marker

    def clear_up(self) -> tuple[str, ...]:
        """Remove what dead puts have left half-done and nobody has gone on with within the grace time."""
        removed = self._storage.clear_up(self._clock.now() - self._grace)
        for name in removed:
            self._reporter.event(DEBRIS_REMOVED, repository=self.name, directory=name)
        return removed

    def mend(self) -> None:
        """Nothing follows a publication here."""

    def store(self, context: Interruptible, table: VerifiedTable, pace: "SnapshotPace") -> StoredBackup:
        """See `Repository`."""
        return _despite_a_broken_catalogue(lambda: self._store(context, table, pace))

    def takes(self, manifest: "Manifest") -> bool:
        """See `Repository`."""
        return (manifest.mode, manifest.encrypted_to) == (self.mode, self._encoding.recipients.keys)

    def receive(
        self, context: Interruptible, manifest: "Manifest", read_stored: "ReadStored", pace: "SnapshotPace"
    ) -> StoredBackup:
        """See `Repository`."""
        return _despite_a_broken_catalogue(lambda: self._receive(context, manifest, read_stored, pace))

    def tags(self, table_name: str) -> set[str]:
        """See `Repository`."""
        return tags_in_use(self._storage, table_name)

    def tables(self) -> tuple[str, ...]:
        """See `Repository`."""
        return list_tables(self._storage)

    def backups(self, table_name: str | None = None) -> tuple[BackupListing, ...]:
        """See `Repository`."""
        names = self.tables() if table_name is None else (table_name,)
        return tuple(listing for name in names for listing in list_backups(self._storage, name))

    def find(self, table_name: str, tag: str | None = None) -> BackupListing:
        """See `Repository`."""
        found = self.backups(table_name) if layout.is_table_name(table_name) else ()
        return find_backup(self.name, table_name, tag, found, lambda: (listing.table for listing in self.backups()))

    def manifest(self, listing: BackupListing) -> "Manifest":
        """See `Repository`."""
        from backup_core.repository.incremental.manifests import read_manifest  # noqa: PLC0415  (see `read`)

        manifest = read_manifest(self._storage, self._keys(listing), listing.tag, listing.manifest_sha256)
        if manifest is None or listing.manifest_sha256 is None:
            raise ManifestError(f"{listing.location} {listing.problem or 'is missing'}")
        return manifest

    def description(self, listing: BackupListing, manifest: "Manifest | None") -> Mapping[str, Any]:
        """See `Repository`."""
        if manifest is None or manifest.table_schema is None:
            raise ManifestError(f"{listing.location} has no schema in it")
        return manifest.table_schema.description

    def read(self, listing: BackupListing, stored: "StoredObject") -> AbstractContextManager[Iterator[bytes]]:
        """See `Repository`."""
        # The manifest's models are pydantic's: importing them takes a third of the time that `list` has.
        from backup_core.repository.incremental.incoming import plain_content  # noqa: PLC0415

        key = self._keys(listing).object(stored.name)
        return plain_content(self._storage, key, stored, self._identities)

    def read_stored(self, listing: BackupListing, stored: "StoredObject") -> AbstractContextManager[Iterator[bytes]]:
        """See `Repository`."""
        from backup_core.repository.incremental.incoming import stored_content  # noqa: PLC0415  (see `read`)

        return stored_content(self._storage, self._keys(listing).object(stored.name), stored)

    def verify(
        self,
        listing: BackupListing,
        *,
        depth: "Depth",
        on_progress: "Progress",
        cancel: "CancelToken",
        within: "VerifyPass | None" = None,
    ) -> "VerifyResult":
        """See `Repository`."""
        from backup_core.repository.incremental.verification import Verifier  # noqa: PLC0415  (see `read`)
        from backup_core.repository.verification import VerifyPass  # noqa: PLC0415

        verifier = Verifier(self._storage, self._own_manifests(), self._identities, self._clock.now)
        return verifier.verify(
            listing, depth=depth, on_progress=on_progress, cancel=cancel, within=within or VerifyPass()
        )

    def check(self, now: datetime) -> "Findings":
        """See `Repository`."""
        from backup_core.repository.incremental.checking import check_repository  # noqa: PLC0415  (see `read`)

        host_id, own = self._known_marker().host_id, self._own_manifests()
        return check_repository(self._storage, own, host_id, now=now, grace=self._grace)

    def is_removable(self, host_id: Callable[[], str]) -> bool:
        """Whether it is this host's: another one's run may be about to use what nobody needs yet."""
        return self._own_manifests().are_known() or self._known_marker().host_id == host_id()

    def hold(self, listing: BackupListing, hold: Hold) -> Hold:
        """See `Repository`."""
        return notes.place_hold(self._storage, self._keys(listing), listing.tag, hold)

    def release(self, listing: BackupListing) -> Hold | None:
        """See `Repository`."""
        return notes.release_hold(self._storage, self._keys(listing), listing.tag)

    def remove(self, listing: BackupListing) -> bool:
        """See `Repository`."""
        return remove_backup(self._storage, self._keys(listing), listing.tag, self._own_manifests())

    def sweep(self, table_names: Sequence[str], now: datetime, locks: "Locks") -> int:
        """See `Repository`."""
        from backup_core.repository.incremental.sweeping import Sweeper  # noqa: PLC0415  (see `read`)

        with self._catalogue() as catalogue:
            sweeper = Sweeper(self._storage, catalogue, self._own_manifests(), self._grace)
            found = sweeper.sweep(table_names, now, locks)
            return sum(swept.told(self._reporter, self.name).size_bytes for swept in found)

    def forget(self, chosen: Sequence[BackupListing], removed: "Removed") -> tuple[str, ...]:
        """See `Repository`."""
        from backup_core.repository.incremental.table_removal import remove_of_table  # noqa: PLC0415  (see `read`)

        with self._catalogue() as catalogue:
            return remove_of_table(self._storage, catalogue, self._own_manifests(), chosen, removed)

    def read_note(self, listing: BackupListing, name: str) -> bytes | None:
        """See `Repository`."""
        return notes.read_note(self._storage, self._keys(listing), listing.tag, name)

    def write_note(self, listing: BackupListing, name: str, content: bytes) -> None:
        """See `Repository`; in a directory it belongs to the owner of that, also when root writes it."""
        with as_owner_of(self._directory) if self._directory else nullcontext():
            notes.write_note(self._storage, self._keys(listing), listing.tag, name, content)

    def close(self) -> None:
        """Let go of what its storage holds."""
        self._storage.close()

    def _receive(
        self, context: Interruptible, manifest: "Manifest", read_stored: "ReadStored", pace: "SnapshotPace"
    ) -> StoredBackup:
        from backup_core.repository.incremental.receiving import Receiving  # noqa: PLC0415  (see `read`)

        with self._destination(TableKeys(manifest.table.name, manifest.table.id)) as destination:
            receiving = Receiving(self.name, destination, self._own_manifests(), context)
            return receiving.receive(manifest, read_stored, pace)

    def _store(self, context: Interruptible, table: VerifiedTable, pace: "SnapshotPace") -> StoredBackup:
        from backup_core.repository.incremental.storing import Storing  # noqa: PLC0415  (see `read`)

        with self._destination(TableKeys(table.snapshot.table.name, table.snapshot.table.id)) as destination:
            return Storing(self.name, destination, self._own_manifests(), context).store(table, pace)

    @contextmanager
    def _destination(self, keys: TableKeys) -> "Iterator[Destination]":
        from backup_core.repository.incremental.sending import Destination  # noqa: PLC0415  (see `read`)

        with self._catalogue() as catalogue:
            yield Destination(self._storage, keys, catalogue, self._encoding, self._parallel)

    @contextmanager
    def _catalogue(self) -> "Iterator[Catalogue]":
        from backup_core.repository.incremental.catalogue import Catalogue  # noqa: PLC0415  (see `read`)

        with closing(Catalogue(self._state / f"{self._known_marker().repository_id}.sqlite")) as catalogue:
            yield catalogue

    def _own_manifests(self) -> OwnManifests:
        return OwnManifests(self._state / self._known_marker().repository_id, is_host=self._is_host)

    def _known_marker(self) -> Marker:
        return self._marker or self.open_read_only()

    def _keys(self, listing: BackupListing) -> TableKeys:
        if listing.id is None:
            raise ManifestError(f"{listing.location} doesn't tell the id of its table")
        return TableKeys(listing.table, listing.id)


def _despite_a_broken_catalogue(store: Callable[[], StoredBackup]) -> StoredBackup:
    from backup_core.repository.incremental.catalogue_file import BrokenCatalogueError  # noqa: PLC0415  (see `read`)

    try:
        return store()
    except BrokenCatalogueError:
        # An empty one has taken its place.
        return store()
