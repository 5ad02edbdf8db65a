"""No scratch table survives: dropped at the end of the block that it is made in, and where that died, by the next one.

Which tables are ours, the records of restores tell. Dropping leaves a snapshot on every node; each node clears its
own, in the keyspaces of scratch tables and nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from backup_core.context import Context
from backup_core.errors import BackupError, LockHeldError, NodeRefusedError, RunCancelledError
from backup_core.events import RESTORE_SCRATCH_DROPPED, RESTORE_SCRATCH_LEFT
from backup_core.model import SCRATCH_PREFIX, keyspace_of
from backup_core.restore.scratch import clear_dropped, copy_scratch_name, drop_scratch, is_scratch
from backup_core.restore.stale_records import forget_stale
from backup_core.restore.tables import DROPPED, find_table
from backup_core.restore_records import RestoreRecord
from backup_core.snapshot import data_directories
from backup_core.source_errors import source_errors


@contextmanager
def scratch_table(context: Context, name: str) -> Iterator[None]:
    """Hold the lock of a scratch table for the block, which makes it; at its end the table is gone, also on Ctrl-C.

    Raises:
        LockHeldError: another process is at it.
        NodeRefusedError: there is a table of that name, and nothing tells that we have made it.
        BackupError: it can't be dropped, where nothing else has ended the block.
    """
    with context.locks.hold(name):
        if context.restores.find(name) is None and find_table(context, name) is not None:
            raise NodeRefusedError(
                f"Table '{name}' exists, and no restore here has made it.", hint="Delete it, if nobody uses it."
            )
        try:
            yield
        except BaseException:
            with context.cancel.shielded():
                _try_to_drop(context, name)
            raise
        with context.cancel.shielded():
            _drop(context, name)


def clear_scratch(context: Context) -> None:
    """Drop what dead restores have left of scratch tables, and clear the snapshots that dropping them has left here.

    Restores that nobody can end any more are forgotten first. The scratch table that another restore's items are copied
    through stays until that is ended.

    Raises:
        BackupError: the node can't be asked, or says no; a record can't be read.
    """
    forget_stale(context)
    drills = [record.target for record in context.restores.all() if is_scratch(record.target)]
    for name in sorted(drills, key=_is_copy):
        wanted = {
            copy_scratch_name(each.target, each.tag) for each in context.restores.all() if _goes_on(context, each)
        }
        if name not in wanted:
            _drop_if_dead(context, name)
    for name in dropped_here(context):
        clear_dropped(context, name)


def try_to_clear_scratch(context: Context) -> None:
    """The same beside other work, which goes on whatever comes of it."""
    try:
        clear_scratch(context)
    except RunCancelledError:
        raise
    except BackupError as error:
        context.reporter.warning(RESTORE_SCRATCH_LEFT, table=None, error=str(error))


def dropped_here(context: Context) -> tuple[str, ...]:
    """Names of scratch tables that were dropped, by whichever node, and have left snapshots on this one.

    Raises:
        BackupError: the data directories can't be found or read.
    """
    beginning = keyspace_of(SCRATCH_PREFIX)
    found: set[str] = set()
    for directory in data_directories(context):
        with source_errors(directory):
            found |= {path.parents[2].name for path in directory.glob(f"{beginning}*/*/snapshots/{DROPPED}*")}
    names = (keyspace.removeprefix(keyspace_of("")) for keyspace in sorted(found))
    return tuple(name for name in names if is_scratch(name))


def _is_copy(name: str) -> bool:
    """What a scratch table was filled through goes after that one."""
    return name.startswith(f"{SCRATCH_PREFIX}copy-")


def _goes_on(context: Context, record: RestoreRecord) -> bool:
    """Whether a restore may still be ended: not if somebody has deleted the table that it had made."""
    return record.table_id is None or find_table(context, record.target) is not None


def _drop(context: Context, name: str) -> None:
    """Also what it was to be filled through, which nobody needs any more."""
    drop_scratch(context, name)
    clear_scratch(context)


def _drop_if_dead(context: Context, name: str) -> None:
    try:
        with context.locks.hold(name):
            drop_scratch(context, name)
    except LockHeldError:
        return
    context.reporter.event(RESTORE_SCRATCH_DROPPED, table=name)


def _try_to_drop(context: Context, name: str) -> None:
    """What ended the block is told by itself."""
    try:
        _drop(context, name)
    except BackupError as error:
        context.reporter.warning(RESTORE_SCRATCH_LEFT, table=name, error=str(error))
