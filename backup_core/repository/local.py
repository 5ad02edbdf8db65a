"""A repository that is a directory, in archive mode.

What takes time to import, the manifest's models first of all, is imported where it is needed: `list` reads summaries.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backup_core.clock import Clock
from backup_core.durable import (
    DIRECTORY_MODE,
    read_file,
    remove_file,
    replace_file,
    require_writable,
    sync_directory,
)
from backup_core.errors import IntegrityError, ManifestError, NotFoundError
from backup_core.events import DEBRIS_REMOVED, Reporter
from backup_core.model import StoredBackup, VerifiedTable
from backup_core.repository import holds, layout, staging
from backup_core.repository.damage import note_damage
from backup_core.repository.finding import find_backup
from backup_core.repository.listing import (
    BackupListing,
    BackupStatus,
    backup_directory,
    list_backups,
    list_tables,
    read_summary,
    tags_in_use,
)
from backup_core.repository.marker import MODE, Marker, claim, read_marker
from backup_core.repository.protocol import Locks, ReadStored, Removed
from backup_core.repository.publishing import mend_links
from backup_core.repository.removal import remove_backup
from backup_core.repository.table_removal import remove_of_table
from backup_core.repository.verified_note import VerifiedNote, why_unnoted
from backup_core.storage_errors import storage_errors


if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from backup_core.archive import ArchiveFormat
    from backup_core.cancel import CancelToken
    from backup_core.repository.findings import Findings
    from backup_core.repository.manifest import Manifest, StoredObject
    from backup_core.repository.verification import Depth, Progress, VerifyPass, VerifyResult
    from backup_core.step import Interruptible


class LocalRepository:
    """Backups of one node's tables in a directory. What its methods do, `protocol.Repository` says.

    Args:
        name: as the settings call it.
        path: its root; may be a symbolic link.
        archive_format: of the archives that are written from now on; others are read all the same.
        allow_same_disk: whether it may be on the disk of the node's data.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        archive_format: "ArchiveFormat",
        reporter: Reporter,
        clock: Clock,
        allow_same_disk: bool = False,
    ) -> None:
        self.name = name
        self.mode = MODE
        self.path = path
        self.archive_format = archive_format
        self.allow_same_disk = allow_same_disk
        self._reporter = reporter
        self._clock = clock

    @property
    def address(self) -> str:
        """Its root."""
        return str(self.path)

    @property
    def directory(self) -> Path | None:
        """Its root."""
        return self.path

    def open(self, host_id: str, cluster: str | None) -> Marker:
        """See `Repository`."""
        with storage_errors(self.path, "Failed to create backup folder"):
            if not self.path.is_dir():
                self.path.mkdir(mode=DIRECTORY_MODE, parents=True)
                sync_directory(self.path.parent)
        require_writable(self.path)
        return claim(self.path, host_id, cluster, self._clock.now())

    def open_read_only(self) -> Marker | None:
        """See `Repository`."""
        with storage_errors(self.path, "Failed to read"):
            try:
                self.path.stat()
            except FileNotFoundError as error:
                raise NotFoundError(
                    f"The repository {self.name} isn't there: {self.path}",
                    hint="It is made by the first backup. Is its disk mounted, and its path right in settings.toml?",
                ) from error
        return read_marker(self.path)

    def clear_up(self) -> tuple[str, ...]:
        """Remove temporary directories whose writers are gone."""
        removed = staging.remove_debris(self.path)
        for name in removed:
            self._reporter.event(DEBRIS_REMOVED, repository=self.name, directory=name)
        return removed

    def mend(self) -> None:
        """Let every table's links lead to its newest backup; tables that only the predecessor has are left alone."""
        for name in list_tables(self.path):
            mend_links(self.path, name, self._reporter)

    def store(self, context: "Interruptible", table: VerifiedTable, pace: "Progress") -> StoredBackup:
        """See `Repository`."""
        from backup_core.repository.archiving import archive_table  # noqa: PLC0415  (see the module)

        return archive_table(self, context, table, pace)

    def takes(self, manifest: "Manifest") -> bool:
        """See `Repository`."""
        return manifest.mode == self.mode

    def receive(
        self, context: "Interruptible", manifest: "Manifest", read_stored: ReadStored, pace: "Progress"
    ) -> StoredBackup:
        """See `Repository`."""
        from backup_core.repository.archive_receiving import receive_archive  # noqa: PLC0415  (see the module)

        return receive_archive(self, context, manifest, read_stored, pace)

    def tables(self) -> tuple[str, ...]:
        """See `Repository`."""
        return list_tables(self.path)

    def tags(self, table_name: str) -> set[str]:
        """See `Repository`."""
        return set(tags_in_use(layout.table_directory(self.path, table_name)))

    def backups(self, table_name: str | None = None) -> tuple[BackupListing, ...]:
        """See `Repository`."""
        names = list_tables(self.path) if table_name is None else (table_name,)
        return tuple(listing for name in names for listing in list_backups(self.path, name))

    def find(self, table_name: str, tag: str | None = None) -> BackupListing:
        """See `Repository`."""
        found = self.backups(table_name) if layout.is_table_name(table_name) else ()
        return find_backup(self.name, table_name, tag, found, lambda: (listing.table for listing in self.backups()))

    def manifest(self, listing: BackupListing) -> "Manifest":
        """See `Repository`."""
        from backup_core.repository.manifest import read_manifest  # noqa: PLC0415  (see the module)

        location = self._directory(listing)
        summary = read_summary(location)
        if listing.manifest_sha256 not in {None, summary.manifest_sha256}:
            raise ManifestError(f"{location} has another {layout.MANIFEST} than when it was listed")
        return read_manifest(location, summary)

    def description(self, listing: BackupListing, manifest: "Manifest | None") -> Mapping[str, Any]:
        """See `Repository`."""
        from backup_core.repository.descriptions import (  # noqa: PLC0415  (see the module)
            read_description,
            read_legacy_description,
        )

        location = self._directory(listing)
        if manifest is None:
            return read_legacy_description(location, listing.table, listing.tag)
        return read_description(location, manifest)

    def read(self, listing: BackupListing, stored: "StoredObject") -> AbstractContextManager[Iterator[bytes]]:
        """See `Repository`."""
        from backup_core.repository.reading import read_plain  # noqa: PLC0415  (see the module)

        return read_plain(self._directory(listing), stored)

    def read_stored(self, listing: BackupListing, stored: "StoredObject") -> AbstractContextManager[Iterator[bytes]]:
        """See `Repository`."""
        from backup_core.repository.reading import read_stored  # noqa: PLC0415  (see the module)

        return read_stored(self._directory(listing), stored)

    def verify(
        self,
        listing: BackupListing,
        *,
        depth: "Depth",
        on_progress: "Progress",
        cancel: "CancelToken",
        within: "VerifyPass | None" = None,  # noqa: ARG002  (backups share nothing here)
    ) -> "VerifyResult":
        """See `Repository`."""
        from backup_core.repository import archive_verification  # noqa: PLC0415  (see the module)
        from backup_core.repository.verification import damaged  # noqa: PLC0415

        location, began_at = self._directory(listing), self._clock.now()
        is_legacy = layout.is_legacy_tag(listing.tag)
        verify = archive_verification.verify_legacy if is_legacy else archive_verification.verify_backup
        try:
            result = verify(location, listing, depth=depth, on_progress=on_progress, cancel=cancel)
        except IntegrityError as error:
            if not location.is_dir():
                message = f"{listing.table}/{listing.tag} was removed before all of it was verified"
                raise NotFoundError(message) from error
            if depth.reads and listing.status is BackupStatus.COMPLETE:
                note_damage(error, self._clock.now(), lambda content: self.write_note(listing, layout.DAMAGE, content))
            raise
        if depth.reads:
            remove_file(location / layout.DAMAGE)
        elif listing.status is BackupStatus.DAMAGED:
            raise damaged(listing, (listing.problem,))
        return replace(result, unnoted=why_unnoted(lambda: self._note_verified(result, depth, began_at)))

    def _note_verified(self, result: "VerifyResult", depth: "Depth", began_at: "datetime") -> None:
        """What is read of an archive is all of it; what the predecessor left can't be verified."""
        listing = result.listing
        if listing.manifest_sha256 is None:
            return
        read_since = began_at if result.deep else listing.verified.stored
        note = VerifiedNote(
            listing.manifest_sha256, began_at, depth.fraction, result.objects, result.read_bytes, read_since
        )
        self.write_note(listing, layout.VERIFIED, note.to_json())

    def check(self, now: "datetime") -> "Findings":  # noqa: ARG002  (nothing here has a grace time)
        """See `Repository`."""
        from backup_core.repository.archive_findings import check_archives  # noqa: PLC0415  (see the module)

        marker = self.open_read_only()
        return check_archives(self.path, marker.host_id if marker else None, self.backups())

    def is_removable(self, host_id: "Callable[[], str]") -> bool:  # noqa: ARG002  (the protocol's)
        """Always: a backup goes by one rename, and with nothing that another one needs."""
        return True

    def hold(self, listing: BackupListing, hold: holds.Hold) -> holds.Hold:
        """See `Repository`."""
        return holds.place_hold(self.path, self._directory(listing), hold)

    def release(self, listing: BackupListing) -> holds.Hold | None:
        """See `Repository`."""
        return holds.release_hold(self._directory(listing))

    def remove(self, listing: BackupListing) -> bool:
        """See `Repository`."""
        return remove_backup(self.path, self._directory(listing))

    def sweep(self, table_names: Sequence[str], now: "datetime", locks: Locks) -> int:  # noqa: ARG002  (the protocol's)
        """Nothing: each backup has all its files to itself."""
        return 0

    def forget(self, chosen: Sequence[BackupListing], removed: Removed) -> tuple[str, ...]:
        """See `Repository`."""
        return remove_of_table(self.path, chosen, removed)

    def read_note(self, listing: BackupListing, name: str) -> bytes | None:
        """See `Repository`."""
        return read_file(self._directory(listing) / name)

    def write_note(self, listing: BackupListing, name: str, content: bytes) -> None:
        """Write it into the backup's directory; it belongs to the owner of that, also when root writes it."""
        replace_file(self._directory(listing) / name, content)

    def close(self) -> None:
        """Nothing is held."""

    def _directory(self, listing: BackupListing) -> Path:
        return backup_directory(self.path, listing)
