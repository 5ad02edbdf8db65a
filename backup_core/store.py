"""Stores one table's verified snapshot in one repository: schema files, archive, manifest, and the rename."""

from dataclasses import dataclass
from datetime import UTC, datetime

from backup_core.archive import write_archive
from backup_core.context import Context
from backup_core.events import ARCHIVE_STARTED, ARCHIVE_WRITTEN, BACKUP_PUBLISHED
from backup_core.floor_guard import FloorGuard
from backup_core.model import NodeFacts, Placement, Snapshot, StoredBackup, TableSchema
from backup_core.pace import Pace
from backup_core.repository.local import LocalRepository
from backup_core.repository.recording import BackupFacts
from backup_core.repository.summary import Verified
from backup_core.schema import write_schema
from backup_core.space import check_room


@dataclass(frozen=True, slots=True)
class VerifiedTable:
    """A table that is ready to be stored.

    Attributes:
        snapshot: as `verify_snapshot` returned it, at `verified_at`.
        node: who made it, in the run that started at `run_started_at`.
    """

    schema: TableSchema
    placement: Placement
    snapshot: Snapshot
    verified_at: datetime
    node: NodeFacts
    run_started_at: datetime


def store_backup(
    context: Context, repository: LocalRepository, table: VerifiedTable, guard: FloorGuard
) -> StoredBackup:
    """Write and publish a backup.

    Args:
        context: its reporter and cancel token are used.
        repository: open.
        table: what to store.
        guard: looks after the disks while the archive is written.

    Returns:
        The backup, as it is listed from now on.

    Raises:
        SourceError: the snapshot's files aren't what they were, or a digest is wrong.
        StorageError: the repository is full, or says no.
        RunCancelledError: a signal. In each case nothing is left of it.
    """
    snapshot, name = table.snapshot, table.snapshot.table.name
    check_room(context, repository, snapshot)
    with repository.stage(snapshot.table, snapshot.tag) as staging:
        location = repository.path / name / snapshot.tag
        write_schema(context, table.schema, staging.directory, shown_as=location)
        about = {"table": name, "repository": repository.name, "path": str(location / staging.archive.name)}
        context.reporter.event(ARCHIVE_STARTED, **about, size_bytes=snapshot.size_bytes)
        archive = write_archive(
            snapshot,
            staging.archive,
            archive_format=repository.archive_format,
            on_progress=Pace(context, guard, name, snapshot.size_bytes),
            cancel=context.cancel,
        )
        context.reporter.event(ARCHIVE_WRITTEN, **about, size_bytes=archive.size_bytes)
        facts = BackupFacts(
            schema=table.schema,
            snapshot=snapshot,
            archive=archive,
            node=table.node,
            placement=table.placement,
            nominal_at=datetime.fromtimestamp(int(snapshot.tag), tz=UTC),
            run_started_at=table.run_started_at,
            # The archive step has compared the digest of every SSTable, or it would have raised.
            verified=Verified(structure=table.verified_at, digest=context.clock.now()),
        )
        backup = repository.publish(staging, facts)
    context.reporter.event(
        BACKUP_PUBLISHED,
        **about,
        tag=snapshot.tag,
        size_bytes=backup.size_bytes,
        plain_size_bytes=backup.plain_size_bytes,
    )
    return backup
