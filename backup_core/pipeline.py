"""The run, readable as a page: identify every table, then take all snapshots, then store one table after the other.

Phase A (id, schema, snapshot) is quick and runs for all tables first, so that their snapshots are as close in time as
the node allows; phase B (verify, archive, publish, clear) takes its time. Whatever ends a table, its snapshot is
cleared and its lock released before the next step of the run is taken.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from backup_core.archive import write_archive
from backup_core.context import Context
from backup_core.errors import BackupError, IncompleteError, RunCancelledError, StepError
from backup_core.events import (
    ARCHIVE_STARTED,
    ARCHIVE_WRITTEN,
    BACKUP_PUBLISHED,
    RUN_FINISHED,
    RUN_STARTED,
    SNAPSHOT_VERIFIED,
    TABLE_FAILED,
    TABLE_FINISHED,
    TABLE_STARTED,
)
from backup_core.model import (
    NodeFacts,
    Placement,
    RunResult,
    Snapshot,
    StoredBackup,
    Table,
    TableBackup,
    TableFailure,
    TableSchema,
)
from backup_core.node.facts import node_facts, placement
from backup_core.repository.local import LocalRepository
from backup_core.repository.recording import BackupFacts
from backup_core.repository.summary import Verified
from backup_core.schema import extract_schema, write_schema
from backup_core.snapshot import clear_orphans, clear_snapshot, data_directories, free_tag, take_snapshot
from backup_core.space import check_room, plan_space, refuse_same_disk
from backup_core.table_id import get_table_id
from backup_core.verify import verify_snapshot


def backup_table(context: Context, table_name: str, tag: str | None = None) -> TableBackup:
    """Back up one table into every repository; the first failed step ends it.

    Args:
        context: where the node is and where its backups go.
        table_name: as Alternator gives it, case-sensitive.
        tag: the backup's name, Unix time in digits; the current second, or the next one that is free, if None.

    Returns:
        The backup, published in every repository.

    Raises:
        BackupError: what went wrong, with the way out; `backup_core.errors` draws the tree. No snapshot is left and
            nothing is published, but for IncompleteError: some repositories have it and others don't.
    """
    result = backup_tables(context, (table_name,), tag)
    if result.failed:
        raise result.failed[0].error
    return result.succeeded[0]


def backup_tables(context: Context, table_names: Sequence[str], tag: str | None = None) -> RunResult:
    """Back up tables under one tag; one that fails doesn't stop the others.

    Args:
        context: where the node is and where its backups go.
        table_names: as Alternator gives them.
        tag: as for `backup_table`; one for all of them.

    Returns:
        What succeeded and what failed, each failure with its error; they have been reported already.

    Raises:
        RunCancelledError: a signal; snapshots that were taken are cleared, tables that were done stay.
        BackupError: what concerns all tables: the node can't be reached, a repository isn't ours.
    """
    names = tuple(dict.fromkeys(table_names))
    with _step("prepare"):
        clear_orphans(context)
        facts = node_facts(context.rest, context.cql)
        directories = data_directories(context)
        for repository in context.repositories:
            refuse_same_disk(repository, directories)
            repository.open(facts.host_id, facts.cluster)
            repository.remove_debris()
        tag = tag or free_tag(context, names)
    run = _Run(context, facts, tag, context.clock.now())
    context.reporter.event(RUN_STARTED, tag=tag, tables=len(names))
    started = context.clock.monotonic()
    run.backup(names)
    context.reporter.event(
        RUN_FINISHED,
        tag=tag,
        succeeded=len(run.succeeded),
        failed=len(run.failed),
        duration_seconds=round(context.clock.monotonic() - started, 3),
    )
    return RunResult(tag, tuple(run.succeeded), tuple(run.failed))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A table after phase A. Closing `cleanup` clears its snapshot."""

    table: Table
    schema: TableSchema
    placement: Placement
    snapshot: Snapshot
    cleanup: ExitStack


class _Run:
    """One run over its tables; what came of each is in `succeeded` and `failed`."""

    def __init__(self, context: Context, facts: NodeFacts, tag: str, started_at: datetime) -> None:
        self._context = context
        self._facts = facts
        self._tag = tag
        self._started_at = started_at
        self.succeeded: list[TableBackup] = []
        self.failed: list[TableFailure] = []

    def backup(self, names: Sequence[str]) -> None:
        with ExitStack() as locks:
            tables = [table for name in names if (table := self._identify(name, locks)) is not None]
            with _step("space"):
                plan = plan_space(self._context, tables)
            for table, error in plan.refused.items():
                self._fail(table.name, error)
            for group in plan.groups:
                self._backup_group(group)

    def _backup_group(self, tables: Sequence[Table]) -> None:
        with ExitStack() as snapshots:
            prepared = [ready for table in tables if (ready := self._prepare(table, snapshots)) is not None]
            for ready in prepared:
                self._store(ready)

    def _identify(self, name: str, locks: ExitStack) -> Table | None:
        with self._failing(name):
            self._context.reporter.event(TABLE_STARTED, table=name, tag=self._tag)
            with _step("table_id"):
                table = get_table_id(self._context, name)
                locks.enter_context(self._context.locks.hold(name))
                return table
        return None

    def _prepare(self, table: Table, snapshots: ExitStack) -> _Prepared | None:
        """Phase A of one table."""
        with self._failing(table.name):
            with _step("schema"):
                schema = extract_schema(self._context, table)
                where = placement(self._context.rest, self._context.cql, table)
            with _step("snapshot"):
                snapshot = take_snapshot(self._context, table, self._tag)
            cleanup = snapshots.enter_context(ExitStack())
            cleanup.callback(clear_snapshot, self._context, snapshot)
            return _Prepared(table, schema, where, snapshot, cleanup)
        return None

    def _store(self, ready: _Prepared) -> None:
        """Phase B of one table."""
        with self._failing(ready.table.name), ready.cleanup:
            with _step("verify"):
                snapshot = verify_snapshot(ready.snapshot)
                verified_at = self._context.clock.now()
                self._context.reporter.event(
                    SNAPSHOT_VERIFIED,
                    table=ready.table.name,
                    directory=str(snapshot.directory),
                    files=len(snapshot.files),
                    size_bytes=snapshot.size_bytes,
                )
            self._store_everywhere(ready, snapshot, verified_at)

    def _store_everywhere(self, ready: _Prepared, snapshot: Snapshot, verified_at: datetime) -> None:
        """One repository that fails doesn't stop the others."""
        stored: list[StoredBackup] = []
        errors: list[BackupError] = []
        for repository in self._context.repositories:
            try:
                with _step("archive"):
                    stored.append(self._store_in(repository, ready, snapshot, verified_at))
            except RunCancelledError:
                raise
            except BackupError as error:
                errors.append(error)
        if errors and stored:
            raise IncompleteError(
                f"Table '{ready.table.name}' is stored in {', '.join(backup.repository for backup in stored)} only: "
                f"{'; '.join(str(error) for error in errors)}"
            ) from errors[0]
        if errors:
            raise errors[0]
        self.succeeded.append(TableBackup(ready.table, self._tag, tuple(stored)))
        self._context.reporter.event(TABLE_FINISHED, table=ready.table.name, tag=self._tag)

    def _store_in(
        self, repository: LocalRepository, ready: _Prepared, snapshot: Snapshot, verified_at: datetime
    ) -> StoredBackup:
        context, name = self._context, ready.table.name
        total_bytes = snapshot.size_bytes
        check_room(context, repository, snapshot)
        with repository.stage(ready.table, self._tag) as staging:
            write_schema(ready.schema, staging.directory)
            context.reporter.event(ARCHIVE_STARTED, table=name, repository=repository.name, size_bytes=total_bytes)
            archive = write_archive(
                snapshot,
                staging.archive,
                archive_format=repository.archive_format,
                on_progress=lambda done_bytes: context.reporter.progress(name, done_bytes, total_bytes),
                cancel=context.cancel,
            )
            context.reporter.event(
                ARCHIVE_WRITTEN,
                table=name,
                repository=repository.name,
                archive=archive.name,
                size_bytes=archive.size_bytes,
            )
            facts = BackupFacts(
                schema=ready.schema,
                snapshot=snapshot,
                archive=archive,
                node=self._facts,
                placement=ready.placement,
                nominal_at=datetime.fromtimestamp(int(self._tag), tz=UTC),
                run_started_at=self._started_at,
                # The archive step has compared every digest, or it would not have come this far.
                verified=Verified(structure=verified_at, digest=context.clock.now()),
            )
            backup = repository.publish(staging, facts)
        context.reporter.event(
            BACKUP_PUBLISHED,
            table=name,
            tag=self._tag,
            repository=repository.name,
            location=str(backup.location),
            size_bytes=backup.size_bytes,
            plain_size_bytes=backup.plain_size_bytes,
        )
        return backup

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """What ends this table ends here; a signal ends the run."""
        try:
            yield
        except RunCancelledError:
            raise
        except BackupError as error:
            self._fail(name, error)

    def _fail(self, name: str, error: BackupError) -> None:
        self.failed.append(TableFailure(name, error))
        self._context.reporter.failure(TABLE_FAILED, error, table=name, tag=self._tag)


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Whatever nobody expected in a step is a bug of ours, and says so."""
    try:
        yield
    except BackupError:
        raise
    except Exception as error:
        raise StepError(f"Step {name} broke: {type(error).__name__}: {error}", step=name) from error
