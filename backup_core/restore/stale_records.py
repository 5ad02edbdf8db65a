"""Records of restores that nobody can end any more, since somebody has deleted their table: they go.

Left alone they would stay for ever, with how far items were copied.
"""

from contextlib import suppress

from backup_core.context import Context
from backup_core.errors import BackupError, LockHeldError, RunCancelledError
from backup_core.events import RESTORE_FORGOTTEN, RESTORE_NOT_FORGOTTEN
from backup_core.restore.claiming import is_stale
from backup_core.restore.scratch import is_scratch
from backup_core.restore.tables import find_table
from backup_core.restore_records import RestoreRecord


def forget_stale(context: Context) -> None:
    """Remove such records; other work goes on whatever comes of it. Those of scratch tables go with their tables.

    Raises:
        RunCancelledError: a signal.
    """
    try:
        for record in tuple(context.restores.all()):
            if not is_scratch(record.target) and _is_stale(context, record):
                _forget(context, record)
    except RunCancelledError:
        raise
    except BackupError as error:
        context.reporter.warning(RESTORE_NOT_FORGOTTEN, error=str(error))


def _forget(context: Context, record: RestoreRecord) -> None:
    """Unless the restore is under way, or has come further meanwhile."""
    with suppress(LockHeldError), context.locks.hold(record.target):
        if context.restores.find(record.target) == record and _is_stale(context, record):
            context.restores.remove(record.target)
            context.reporter.event(RESTORE_FORGOTTEN, table=record.target, source=record.source, tag=record.tag)


def _is_stale(context: Context, record: RestoreRecord) -> bool:
    return is_stale(context, record, find_table(context, record.target))
