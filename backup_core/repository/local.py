"""A repository that is a directory, in archive mode."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backup_core.ancestor import existing_ancestor
from backup_core.clock import Clock
from backup_core.close_names import close_names
from backup_core.durable import DIRECTORY_MODE, require_writable, sync_directory
from backup_core.errors import BackupError, IntegrityError, NotFoundError
from backup_core.events import DEBRIS_REMOVED, Reporter
from backup_core.model import StoredBackup, Table
from backup_core.repository import layout, staging
from backup_core.repository.damage import note_damage, withdraw_damage
from backup_core.repository.listing import (
    BackupListing,
    BackupStatus,
    list_backups,
    list_tables,
    read_summary,
    tags_in_use,
)
from backup_core.repository.marker import Marker, claim, read_marker
from backup_core.repository.publishing import check_free, mend_links, publish
from backup_core.repository.staging import Staging
from backup_core.storage_errors import storage_errors


if TYPE_CHECKING:
    from backup_core.archive import ArchiveFormat
    from backup_core.cancel import CancelToken
    from backup_core.repository.manifest import Manifest
    from backup_core.repository.recording import BackupFacts
    from backup_core.repository.verification import Progress, VerifyResult


class DiskUsage(NamedTuple):
    """Of a file system: how large it is, and what this user may still write."""

    total_bytes: int
    free_bytes: int


class LocalRepository:
    """Backups of one node's tables in a directory.

    `open` before anything is written; `open_read_only` before anything is read where no node is needed.

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
        self.path = path
        self.archive_format = archive_format
        self.allow_same_disk = allow_same_disk
        self._reporter = reporter
        self._clock = clock

    def open(self, host_id: str, cluster: str | None) -> Marker:
        """Make sure that the repository is there and this host's; make it on first use.

        Raises:
            ForeignRepositoryError: it is another host's, or of a newer format.
            BackupError: as the operating system refuses.
        """
        with storage_errors(self.path, "Failed to create backup folder"):
            if not self.path.is_dir():
                self.path.mkdir(mode=DIRECTORY_MODE, parents=True)
                sync_directory(self.path.parent)
        require_writable(self.path)
        return claim(self.path, host_id, cluster, self._clock.now())

    def open_read_only(self) -> Marker | None:
        """Make sure that the repository can be read, whoever's it is; None if only the predecessor has written there.

        Raises:
            NotFoundError: there is no such directory.
            ForeignRepositoryError: it is of a newer format.
            BackupError: as the operating system refuses.
        """
        with storage_errors(self.path, "Failed to read"):
            try:
                self.path.stat()
            except FileNotFoundError as error:
                raise NotFoundError(
                    f"The repository {self.name} isn't there: {self.path}",
                    hint="It is made by the first backup. Is its disk mounted, and its path right in settings.toml?",
                ) from error
        return read_marker(self.path)

    @contextmanager
    def stage(self, table: Table, tag: str) -> Iterator[Staging]:
        """A directory for the files of a backup, gone at the end unless they were published.

        Raises:
            StorageError: there is such a backup, or something is in its way.
            BackupError: as the operating system refuses.
        """
        check_free(self.path, table.name, tag)
        purpose = f"{tag}-{layout.check_table_id(table.id)}"
        with staging.temporary_directory(self.path, purpose) as directory:
            archive = directory / layout.archive_name(table.name, self.archive_format.value)
            yield Staging(table, tag, directory, archive)

    def publish(self, staged: Staging, facts: "BackupFacts") -> StoredBackup:
        """Turn what was staged into a backup: manifest and the rest are written, and one rename commits.

        Raises:
            IntegrityError: the staged archive isn't the one of the facts.
            StorageError: there is such a backup by now; or it was published, but its links couldn't be made.
            BackupError: as the operating system refuses.
        """
        # The manifest's models are pydantic's: importing them takes a third of the time that `list` has.
        from backup_core.repository.completion import complete  # noqa: PLC0415

        summary = complete(staged, facts, self._clock.now())
        return publish(self.path, staged, summary, repository=self.name, reporter=self._reporter)

    def backups(self, table_name: str | None = None) -> tuple[BackupListing, ...]:
        """What is stored of one table, or of all: tables by name, each with its newest backup first.

        Raises:
            BackupError: as the operating system refuses.
        """
        names = list_tables(self.path) if table_name is None else (table_name,)
        return tuple(listing for name in names for listing in list_backups(self.path, name))

    def find(self, table_name: str, tag: str | None = None) -> BackupListing:
        """One backup of a table.

        Args:
            table_name: the table.
            tag: its tag; None for the newest that is complete, or just the newest where none is.

        Raises:
            NotFoundError: there is none; the message names what is close.
            BackupError: as the operating system refuses.
        """
        found = list_backups(self.path, table_name) if layout.is_table_name(table_name) else ()
        if not found:
            raise self._no_table(table_name)
        if tag is None:
            return next((listing for listing in found if listing.status is BackupStatus.COMPLETE), found[0])
        for listing in found:
            if listing.tag == tag:
                return listing
        raise self._no_tag(table_name, tag, found)

    def tags(self, table_name: str) -> set[str]:
        """All tags of a table that are taken, by damaged backups too.

        Raises:
            BackupError: as the operating system refuses.
        """
        return set(tags_in_use(layout.table_directory(self.path, table_name)))

    def manifest(self, listing: BackupListing) -> "Manifest":
        """The manifest of a backup, checked against its summary.

        Raises:
            ManifestError: it can't be trusted or read; what the predecessor left has none.
            BackupError: as the operating system refuses.
        """
        from backup_core.repository.manifest import read_manifest  # noqa: PLC0415  (see publish)

        return read_manifest(listing.location, read_summary(listing.location))

    def verify(
        self, listing: BackupListing, *, deep: bool, on_progress: "Progress", cancel: "CancelToken"
    ) -> "VerifyResult":
        """Look whether everything of a backup is there, and with `deep` whether every byte is what was stored.

        What `deep` finds is written down beside the backup: it is listed as damaged until all of it is found right.

        Raises:
            IntegrityError: with everything that is wrong; its context has them as `problems`.
            NotFoundError: it was removed meanwhile.
            RunCancelledError: the token was set.
        """
        from backup_core.repository.verification import verify_backup, verify_legacy  # noqa: PLC0415  (see publish)

        verify = verify_legacy if layout.is_legacy_tag(listing.tag) else verify_backup
        try:
            result = verify(listing, deep=deep, on_progress=on_progress, cancel=cancel)
        except IntegrityError as error:
            if not listing.location.is_dir():
                message = f"{listing.table}/{listing.tag} was removed before all of it was verified"
                raise NotFoundError(message) from error
            if deep and listing.status is BackupStatus.COMPLETE:
                self._note_damage(listing, error)
            raise
        if deep:
            withdraw_damage(listing.location)
        return result

    def _note_damage(self, listing: BackupListing, found: IntegrityError) -> None:
        problems = found.context["problems"]
        try:
            note_damage(self.path, listing.location, "; ".join(problems), self._clock.now())
        except BackupError as error:
            unnoted = f"this could not be written down, so retention will count it as good: {error.message}"
            found.context["problems"] = (*problems, unnoted)
            found.hint = f"{found.hint} {unnoted[0].upper()}{unnoted[1:]}."

    def remove_debris(self) -> tuple[str, ...]:
        """Remove what processes that are gone had begun to write, and return its names.

        Raises:
            BackupError: as the operating system refuses.
        """
        removed = staging.remove_debris(self.path)
        for name in removed:
            self._reporter.event(DEBRIS_REMOVED, repository=self.name, directory=name)
        return removed

    def repair_links(self) -> None:
        """Mend every table's links after a crash; tables that only the predecessor has backed up are left alone.

        Raises:
            BackupError: as the operating system refuses.
        """
        for name in list_tables(self.path):
            mend_links(self.path, name, self._reporter)

    def disk_usage(self) -> DiskUsage:
        """How much space its file system has; of the nearest directory above while it isn't made yet.

        Raises:
            BackupError: as the operating system refuses.
        """
        with storage_errors(self.path, "Failed to look at the free space of"):
            usage = shutil.disk_usage(existing_ancestor(self.path))
        return DiskUsage(usage.total, usage.free)

    def _no_table(self, table_name: str) -> NotFoundError:
        with_backups = sorted({listing.table for listing in self.backups()})
        close = close_names(table_name, with_backups)
        hint = f"Close to it: {', '.join(close)}." if close else "See what there is with `list`."
        return NotFoundError(f"There is no backup of a table {table_name!r} in {self.name}", hint=hint)

    def _no_tag(self, table_name: str, tag: str, found: tuple[BackupListing, ...]) -> NotFoundError:
        by_distance = found
        if layout.is_tag(tag):
            by_distance = tuple(sorted(found, key=lambda other: abs(layout.tag_time(other.tag) - layout.tag_time(tag))))
        nearest = ", ".join(listing.tag for listing in by_distance[:3])
        return NotFoundError(f"There is no backup {table_name}/{tag} in {self.name}", hint=f"Nearest: {nearest}.")
