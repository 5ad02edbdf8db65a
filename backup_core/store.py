"""Stores one table's verified snapshot in one repository, whatever that is made of."""

from backup_core.context import Context
from backup_core.events import BACKUP_PUBLISHED
from backup_core.floor_guard import FloorGuard
from backup_core.model import StoredBackup, VerifiedTable
from backup_core.pace import Pace
from backup_core.repository.protocol import Repository
from backup_core.space import check_room


def store_backup(context: Context, repository: Repository, table: VerifiedTable, guard: FloorGuard) -> StoredBackup:
    """Write and publish a backup.

    Args:
        context: its reporter, clock and cancel token are used.
        repository: open.
        table: what to store.
        guard: looks after the disks meanwhile.

    Returns:
        The backup, as it is listed from now on.

    Raises:
        SourceError: the snapshot's files aren't what they were, or a digest is wrong.
        StorageError: the repository is full, or says no.
        RunCancelledError: a signal. In each case nothing is listed of it.
    """
    snapshot = table.snapshot
    check_room(context, repository, snapshot.table, snapshot.size_bytes)
    backup = repository.store(context, table, Pace(context, guard, snapshot.table.name, snapshot.size_bytes))
    context.reporter.event(
        BACKUP_PUBLISHED,
        table=snapshot.table.name,
        repository=repository.name,
        path=backup.path,
        tag=snapshot.tag,
        size_bytes=backup.size_bytes,
        plain_size_bytes=backup.plain_size_bytes,
    )
    return backup
