"""Whose the name of the target is: nobody's, a restore's that was interrupted, or somebody else's, which is refused."""

import json
from datetime import timedelta
from hashlib import sha256

from backup_core.context import Context
from backup_core.errors import NodeRefusedError
from backup_core.model import Table
from backup_core.node.alternator_writes import is_empty
from backup_core.repository.timestamps import parse_timestamp, timestamp
from backup_core.restore.model import RestorePlan
from backup_core.restore.tables import find_made, find_table
from backup_core.restore_records import RestoreRecord


LATE_TABLE = timedelta(hours=1)
"""After which a CreateTable whose answer nobody has heard makes no table any more."""


def unfinished_table(context: Context, plan: RestorePlan) -> Table | None:
    """The target as an interrupted restore of the same backups has left it; None if its name is free.

    Args:
        context: where the node is.
        plan: of this one.

    Raises:
        NodeRefusedError: the table isn't this restore's.
        BackupError: the node can't be asked, or a record can't be read.
    """
    there = find_table(context, plan.target)
    if there is None:
        return None
    record = context.restores.find(plan.target)
    if record is None or not _has_made(context, plan, record, there):
        raise _exists(plan.target)
    if (record.backups, record.request) != (_backups_of(plan), _request_of(plan)):
        raise NodeRefusedError(
            f"Table '{plan.target}' was begun by another restore, of {record.source}/{record.tag}, which hasn't ended.",
            hint="Run that one again with the same options to end it, or delete the table first, or take another name "
            "with --as.",
            table=plan.target,
        )
    return there


def unfinished_tag(context: Context, source: str, target: str, *, replacing: bool) -> str | None:
    """The backup that an interrupted restore was of, if it is to be ended by the same command run again.

    The newest backup may be another by then: the safety backup of what is replaced, or one of the unfinished table.

    Args:
        context: where the node is.
        source: name of the table that was backed up.
        target: name of the table to make.
        replacing: this is to replace a table: only then it is the same command as one that has deleted nothing yet.

    Raises:
        BackupError: the node can't be asked, or a record can't be read.
    """
    record = context.restores.find(target)
    if record is None or record.source != source or (record.preparing and not replacing):
        return None
    there = find_table(context, target)
    if is_stale(context, record, there) or (there is None and record.replaced_id is None):
        return None
    return record.tag


def is_stale(context: Context, record: RestoreRecord, there: Table | None) -> bool:
    """Whether nobody can end a restore any more: the table that it has made or was to replace is gone.

    Args:
        context: where the node is.
        record: of the restore.
        there: the table that has the target's name now; None if there is none.

    Raises:
        BackupError: the node can't be asked.
    """
    awaited_id = record.replaced_id if record.preparing else record.table_id
    if awaited_id is not None:
        return there is None or there.id != awaited_id
    # CreateTable may have been sent, and its answer not heard: nothing was loaded into what that has made.
    if there is None:
        started_at = parse_timestamp(record.started_at)
        return record.replaced_id is None and context.clock.now() - started_at > LATE_TABLE
    return there.id != record.replaced_id and not is_empty(context.alternator, record.target)


def is_unfinished(context: Context, plan: RestorePlan, table: Table) -> bool:
    """Whether an interrupted restore has made this very table, which has the target's name."""
    record = context.restores.find(plan.target)
    return record is not None and _has_made(context, plan, record, table)


def new_record(
    context: Context, plan: RestorePlan, replaced: Table | None, *, preparing: bool = False
) -> RestoreRecord:
    """What is to be written before the target is made, or before the table that has its name is deleted.

    What an interrupted try has deleted stays remembered: by then the newest backup is that of the deleted table.

    Args:
        context: where the node is.
        plan: of this one.
        replaced: the table that has the target's name.
        preparing: it will only be deleted later.

    Raises:
        BackupError: the former record can't be read.
    """
    former = context.restores.find(plan.target)
    deleted_id = former.replaced_id if former and not former.preparing else None
    return RestoreRecord(
        target=plan.target,
        source=plan.definition.name,
        tag=plan.sources[0].listing.tag,
        backups=_backups_of(plan),
        request=_request_of(plan),
        table_id=None,
        replaced_id=replaced.id if replaced else deleted_id,
        preparing=preparing,
        started_at=timestamp(context.clock.now()),
    )


def _has_made(context: Context, plan: RestorePlan, record: RestoreRecord, there: Table) -> bool:
    """Whether the restore of a record has made a table."""
    if record.preparing:
        return False
    if record.table_id is not None:
        return record.table_id == there.id
    # CreateTable may have been sent, and its answer not heard; this may also be the table that is to be replaced.
    return record.replaced_id != there.id and find_made(context, plan.create_table) == there


def _backups_of(plan: RestorePlan) -> tuple[str, ...]:
    return tuple(sorted(source.listing.location for source in plan.sources))


def _request_of(plan: RestorePlan) -> str:
    columns = [(column.name, column.type) for column in plan.columns]
    parts = [plan.way, plan.create_table, plan.scratch, columns, plan.late_indexes]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _exists(name: str) -> NodeRefusedError:
    return NodeRefusedError(
        f"Table '{name}' exists.",
        hint="Restore beside it with --as NAME, or put the backup in its place with --replace.",
        table=name,
    )
