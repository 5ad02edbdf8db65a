"""Stores a table's snapshot in archive mode: schema files, archive, manifest, and the rename that publishes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backup_core.archive import ArchiveFormat, write_archive
from backup_core.events import ARCHIVE_STARTED, ARCHIVE_WRITTEN, Reporter
from backup_core.model import StoredBackup, Table, VerifiedTable
from backup_core.repository import layout
from backup_core.repository.completion import complete
from backup_core.repository.publishing import check_free, publish
from backup_core.repository.recording import BackupFacts
from backup_core.repository.schema_files import write_schema
from backup_core.repository.staging import Staging, temporary_directory
from backup_core.repository.summary import Verified
from backup_core.repository.verification import Progress
from backup_core.step import Interruptible


if TYPE_CHECKING:
    from backup_core.repository.local import LocalRepository


def archive_table(
    repository: "LocalRepository", context: Interruptible, table: VerifiedTable, on_progress: Progress
) -> StoredBackup:
    """Write and publish a backup; nothing is left of it if this raises.

    Args:
        repository: open.
        context: its reporter, clock and cancel token are used.
        table: what to store.
        on_progress: hears how many bytes of the snapshot have been read.

    Raises:
        SourceError: the snapshot's files aren't what they were, or a digest is wrong.
        StorageError: the repository is full, or says no.
        RunCancelledError: a signal.
    """
    snapshot, name = table.snapshot, table.snapshot.table.name
    with stage(repository.path, snapshot.table, snapshot.tag, repository.archive_format) as staging:
        location = repository.path / name / snapshot.tag
        write_schema(table.schema, staging.directory, context.reporter, shown_as=location)
        about = {"table": name, "repository": repository.name, "path": str(location / staging.archive.name)}
        context.reporter.event(ARCHIVE_STARTED, **about, size_bytes=snapshot.size_bytes)
        archive = write_archive(
            snapshot,
            staging.archive,
            archive_format=repository.archive_format,
            on_progress=on_progress,
            cancel=context.cancel,
        )
        context.reporter.event(ARCHIVE_WRITTEN, **about, size_bytes=archive.size_bytes)
        # The archive step has compared the digest of every SSTable, or it would have raised.
        verified = Verified(structure=table.verified_at, digest=context.clock.now())
        facts = BackupFacts.of(table, verified, archive=archive)
        return publish_staged(
            repository.path, staging, facts, context.clock.now(), repository=repository.name, reporter=context.reporter
        )


@contextmanager
def stage(root: Path, table: Table, tag: str, archive_format: ArchiveFormat) -> Iterator[Staging]:
    """A directory for the files of a backup, gone at the end unless they were published.

    Args:
        root: the repository.
        table: of the backup.
        tag: its name.
        archive_format: of its archive.

    Raises:
        StorageError: there is such a backup, or something is in its way.
        BackupError: as the operating system refuses.
    """
    check_free(root, table.name, tag)
    with temporary_directory(root, f"{tag}-{layout.check_table_id(table.id)}") as directory:
        yield Staging(table, tag, directory, directory / layout.archive_name(table.name, archive_format.value))


def publish_staged(
    root: Path, staging: Staging, facts: BackupFacts, finished_at: datetime, *, repository: str, reporter: Reporter
) -> StoredBackup:
    """Turn what was staged into a backup: manifest and the rest are written, and one rename commits.

    Args:
        root: the repository.
        staging: with schema files and archive.
        facts: of the run.
        finished_at: now.
        repository: the repository's name.
        reporter: hears of files of the predecessor that had to move.

    Raises:
        IntegrityError: the staged archive isn't the one of the facts.
        StorageError: there is such a backup by now; or it was published, but its links couldn't be made.
        BackupError: as the operating system refuses.
    """
    summary = complete(staging, facts, finished_at)
    return publish(root, staging, summary, repository=repository, reporter=reporter)
