"""The restore, readable as a page: stage, create, load, wait for the indexes, switch on what was on, prove.

Nothing is touched before every byte that will be loaded has been checked. From the moment that CreateTable is sent a
record in the state directory says so; whatever ends the restore then, the same restore run again ends the work.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from backup_core.context import Context
from backup_core.errors import BackupError, NodeRefusedError, PermissionDeniedError
from backup_core.events import (
    RESTORE_FINISHED,
    RESTORE_PROVEN,
    RESTORE_RESUMED,
    RESTORE_STARTED,
    RESTORE_UNPROVEN,
)
from backup_core.model import Table
from backup_core.repository import layout
from backup_core.restore.claiming import new_record, unfinished_table
from backup_core.restore.columns import add_columns
from backup_core.restore.copying import copy_items, is_copied
from backup_core.restore.dropped_indexes import await_forgotten_indexes
from backup_core.restore.features import enable_stream, enable_time_to_live
from backup_core.restore.grants import replay_grants
from backup_core.restore.indexes import await_indexes
from backup_core.restore.loading import LoadResult, load_table
from backup_core.restore.model import RestorePlan, RestoreResult, Way
from backup_core.restore.proof import prove
from backup_core.restore.restored import restored_content
from backup_core.restore.result_files import write_beside
from backup_core.restore.scratch import drop_scratch, is_scratch
from backup_core.restore.staged_backups import StagedBackups, stage_backups
from backup_core.restore.stale_records import forget_stale
from backup_core.restore.tables import add_indexes, create_table, delete_table
from backup_core.step import step


def restore_table(context: Context, plan: RestorePlan, *, hash_only: frozenset[str] = frozenset()) -> RestoreResult:
    """Bring a table back under a name that is free, or end the work of an interrupted restore of the same backups.

    Args:
        context: where the node is.
        plan: what is to be done.
        hash_only: GSIs whose reported sort key the user wanted gone.

    Returns:
        What came of it; look at `proven` and `not_done`.

    Raises:
        NodeRefusedError: another table has the name, or the node says no.
        BackupError: whatever ends it; the message says what exists and how to go on.
        RunCancelledError: a signal; the same.
    """
    forget_stale(context)
    with context.locks.hold(plan.target):
        unfinished_table(context, plan)
        with stage_backups(context, plan.sources, context.restore_staging, nodes=plan.nodes) as staged:
            return restore_staged(context, plan, staged, hash_only=hash_only)


def restore_staged(
    context: Context,
    plan: RestorePlan,
    staged: StagedBackups,
    *,
    hash_only: frozenset[str] = frozenset(),
    replaced: Table | None = None,
    keep: bool = False,
) -> RestoreResult:
    """As `restore_table`, with backups that were checked before, and under the target's lock.

    Args:
        context: where the node is.
        plan: what is to be done.
        staged: the checked backups of the plan.
        hash_only: GSIs whose reported sort key the user wanted gone.
        replaced: the table that has the name now, and is deleted first.
        keep: staged files stay, to be loaded into another table.
    """
    started = context.clock.monotonic()
    context.reporter.event(RESTORE_STARTED, table=plan.target, source=plan.definition.name, way=str(plan.way))
    with step(context, "create_table", table=plan.target):
        table, resuming = _make(context, plan, replaced)
    with _going_on(table):
        with step(context, "load", table=plan.target):
            _fill(context, plan, table, partial(load_table, staged=staged, resuming=resuming, keep=keep))
            add_indexes(context, table, plan.late_indexes, _key_types(plan))
        with step(context, "indexes", table=plan.target):
            counts = await_indexes(context, table)
        with step(context, "features", table=plan.target):
            if plan.time_to_live is not None:
                enable_time_to_live(context, plan.time_to_live)
            if plan.stream is not None:
                enable_stream(context, plan.stream)
            left = replay_grants(context, plan.target, plan.grants)
        with step(context, "proof", table=plan.target):
            proof = prove(context, plan, hash_only=hash_only)
        result = RestoreResult(
            restored_at=context.clock.now(),
            target=plan.target,
            table_id=table.id,
            items=counts.items,
            index_items=counts.index_items,
            proof=proof,
            coverage=plan.coverage,
            not_done=(*counts.short, *left),
            duration_seconds=round(context.clock.monotonic() - started, 3),
        )
        if not is_scratch(plan.target):  # its record goes with the table
            context.restores.remove(plan.target)
    _tell(context, plan, result)
    return result


def _make(context: Context, plan: RestorePlan, replaced: Table | None) -> tuple[Table, bool]:
    """The table to load into, and whether an interrupted restore has made it."""
    if replaced is not None:
        context.restores.write(new_record(context, plan, replaced))
        delete_table(context, replaced)
    table = unfinished_table(context, plan)
    resuming = table is not None
    record = new_record(context, plan, replaced)
    if table is None:
        context.restores.write(record)
        await_forgotten_indexes(context, plan)
        try:
            table = create_table(context, plan.create_table)
        except (NodeRefusedError, PermissionDeniedError):
            # Nothing was made; but what has been deleted has to be remembered.
            if record.replaced_id is None:
                context.restores.remove(plan.target)
            raise
    else:
        context.reporter.event(RESTORE_RESUMED, table=table.name, table_id=table.id)
    context.restores.write(replace(record, table_id=table.id))
    return table, resuming


def _fill(context: Context, plan: RestorePlan, table: Table, load: Callable[[Context, Table], LoadResult]) -> None:
    """What an interrupted restore has loaded is loaded again: cells keep their timestamps, so that changes nothing."""
    if plan.way is Way.COPY_ITEMS:
        _copy_through_scratch(context, plan, table, load)
        return
    add_columns(context, table, plan.columns)
    load(context, table)


def _copy_through_scratch(
    context: Context, plan: RestorePlan, table: Table, load: Callable[[Context, Table], LoadResult]
) -> None:
    """Load into a table without indexes but with their columns, and write its items to the one with the indexes."""
    request = plan.scratch or {}
    if not is_copied(context, table):
        scratch, _ = _make(context, replace(plan, target=request["TableName"], create_table=request), None)
        add_columns(context, scratch, plan.columns)
        load(context, scratch)
        copy_items(context, scratch, table)
    drop_scratch(context, request["TableName"])


def _key_types(plan: RestorePlan) -> dict[str, str]:
    return {each["AttributeName"]: each["AttributeType"] for each in plan.definition.attribute_definitions}


@contextmanager
def _going_on(table: Table) -> Iterator[None]:
    """Let what ends the block say what exists by then, and how to go on."""
    try:
        yield
    except BackupError as error:
        error.hint = (
            f"{error.hint} Table '{table.name}' (id {table.id}) exists and isn't finished: run the same command again "
            "to end the work, or delete the table."
        ).strip()
        raise


def _tell(context: Context, plan: RestorePlan, result: RestoreResult) -> None:
    """Say what came of it, and write it beside each backup that was restored."""
    differing = [line.what for line in result.proof if not line.holds]
    if result.proven:
        context.reporter.event(RESTORE_PROVEN, table=result.target, compared=len(result.proof))
    else:
        context.reporter.warning(RESTORE_UNPROVEN, table=result.target, compared=len(result.proof), differing=differing)
    write_beside(context, plan.sources, layout.RESTORED, restored_content(result), table=result.target)
    context.reporter.event(
        RESTORE_FINISHED,
        table=result.target,
        table_id=result.table_id,
        items=result.items,
        proven=result.proven,
        duration_seconds=result.duration_seconds,
    )
