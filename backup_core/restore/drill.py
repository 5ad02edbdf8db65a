"""A drill: the newest backup of a table comes back under a scratch name on the same node, is proven, and goes again.

It is the same restore as any other, so what it takes is what a real one would take. Grants are left out; what other
nodes hold of the table is no part of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backup_core.context import Context
from backup_core.errors import BackupError, NotFoundError, RunCancelledError
from backup_core.events import DRILL_PASSED, DRILL_SAMPLE_DIFFERS, DRILL_STARTED
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.restore.choice import choose
from backup_core.restore.definition import table_definition
from backup_core.restore.drill_results import DrillRecords, DrillResult, Sample, drill_content
from backup_core.restore.model import BackupSource, RestoreOptions, RestorePlan, RestoreResult
from backup_core.restore.plan import plan_restore
from backup_core.restore.restoring import restore_staged
from backup_core.restore.result_files import write_beside
from backup_core.restore.sample import compare_sample
from backup_core.restore.scratch import scratch_name
from backup_core.restore.scratch_clearing import clear_scratch, scratch_table
from backup_core.restore.staged_backups import stage_backups
from backup_core.restore.target import target_server


SAMPLE_ITEMS = 100
TELLING_SAMPLE = 20
"""So many compared items of which none is the same are worth a warning."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DrillChoice:
    """Which table is drilled next.

    Attributes:
        table: None if none can be.
        too_large: tables whose newest backup is larger than it may be.
        without_backup: tables that have no complete backup of ours.
    """

    table: str | None
    too_large: tuple[str, ...]
    without_backup: tuple[str, ...]


def choose_table(
    context: Context, records: DrillRecords, tables: Iterable[str], *, most_bytes: int | None
) -> DrillChoice:
    """Choose the table whose last drill, good or bad, is the longest ago; those that never had one come first.

    Args:
        context: where the repositories are.
        records: of former drills.
        tables: names to choose from.
        most_bytes: largest size of a backup's data; None for any.

    Raises:
        BackupError: a repository or a record can't be read.
    """
    drilled = {drills.last.table: drills.last.drilled_at for drills in records.all()}
    fitting, too_large, without = [], [], []
    for table in tables:
        newest = _newest(context, table)
        if newest is None:
            without.append(table)
        elif most_bytes is not None and (newest.plain_size_bytes or 0) > most_bytes:
            too_large.append(table)
        else:
            fitting.append(table)
    chosen = min(fitting, key=lambda table: (drilled.get(table, NEVER), table), default=None)
    return DrillChoice(chosen, tuple(too_large), tuple(without))


def drill(context: Context, records: DrillRecords, table: str, *, sample_items: int = SAMPLE_ITEMS) -> DrillResult:
    """Drill a table; what came of it is remembered, whatever that is.

    Args:
        context: where the node is; its repositories are this node's own.
        records: of drills.
        table: name of the table that was backed up.
        sample_items: how many items to compare with the live table; 0 for none.

    Returns:
        What came of it; look at `good`.

    Raises:
        BackupError: whatever ends it before the proof; no scratch table is left, if the node can be asked.
        RunCancelledError: a signal; the same, and nothing is remembered.
    """
    try:
        clear_scratch(context)
        sources = choose(context.repositories, table)
        result = _drill(context, sources, table, sample_items)
    except RunCancelledError:
        raise
    except BackupError as error:
        records.add(DrillResult(table, "", context.clock.now(), problems=(str(error),)))
        raise
    records.add(result)
    write_beside(context, sources, layout.DRILL, drill_content(result), table=table)
    return result


def _drill(context: Context, sources: Sequence[BackupSource], table: str, sample_items: int) -> DrillResult:
    plan = _plan(context, sources)
    context.reporter.event(DRILL_STARTED, table=table, tag=sources[0].listing.tag, scratch=plan.target)
    started = context.clock.monotonic()
    with scratch_table(context, plan.target):
        with stage_backups(context, sources, context.restore_staging, nodes=plan.nodes) as staged:
            restored = restore_staged(context, plan, staged)
            size_bytes = staged.size_bytes
        restore_seconds = round(context.clock.monotonic() - started, 3)
        sample = compare_sample(context, plan.target, table, sample_items) if sample_items else None
    result = DrillResult(
        table=table,
        tag=sources[0].listing.tag,
        drilled_at=context.clock.now(),
        size_bytes=size_bytes,
        items=restored.items,
        index_items=restored.index_items,
        coverage=plan.coverage,
        restore_seconds=restore_seconds,
        sample=sample,
        problems=tuple(_problems(restored)),
    )
    _tell(context, result)
    return result


def _plan(context: Context, sources: Sequence[BackupSource]) -> RestorePlan:
    """As for `restore --as`, whatever part of the ring there is."""
    name = scratch_name(context.rest.host_id(), sources[0].listing.tag)
    definition = table_definition(sources[0].description)
    options = RestoreOptions(target=name, partial=True, without_grants=True)
    return plan_restore(sources, definition, target_server(context), options)


def _problems(restored: RestoreResult) -> Iterator[str]:
    for line in restored.proof:
        if not line.holds:
            yield f"{line.what} is {line.restored} instead of {line.backup}"
    yield from restored.not_done


def _tell(context: Context, result: DrillResult) -> None:
    sample = result.sample or Sample()
    if sample.items >= TELLING_SAMPLE and not sample.same:
        context.reporter.warning(
            DRILL_SAMPLE_DIFFERS, table=result.table, tag=result.tag, changed=sample.changed, missing=sample.missing
        )
    if result.good:
        context.reporter.event(
            DRILL_PASSED,
            table=result.table,
            tag=result.tag,
            items=result.items,
            same=sample.same,
            changed=sample.changed,
            missing=sample.missing,
            restore_seconds=result.restore_seconds,
        )


def _newest(context: Context, table: str) -> BackupListing | None:
    """The newest complete backup in any of the repositories."""
    found = []
    for repository in context.repositories:
        try:
            repository.open_read_only()
        except NotFoundError:  # it is made by the first backup
            continue
        found += [each for each in repository.backups(table) if each.status is BackupStatus.COMPLETE]
    return max(found, key=lambda listing: listing.snapshot_at, default=None)
