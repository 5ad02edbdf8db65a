"""The run, readable as a page: identify every table, then take all snapshots, then store one table after the other.

Phase A (id, schema, snapshot) is quick and runs for all tables first, so that their snapshots are as close in time as
the node allows; phase B (verify, archive, publish, clear) takes its time. Whatever ends a table, its snapshot is
cleared and its lock released before the next step of the run is taken.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from types import MappingProxyType

from backup_core.cancel import POLL_SECONDS
from backup_core.context import Context
from backup_core.errors import BackupError, IncompleteError, RunCancelledError, StorageError
from backup_core.events import (
    RUN_FINISHED,
    RUN_STARTED,
    SNAPSHOT_VERIFIED,
    TABLE_DELAYED,
    TABLE_FAILED,
    TABLE_FINISHED,
    TABLE_STARTED,
)
from backup_core.floor_guard import CHECK_SECONDS, FloorGuard
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
    VerifiedTable,
)
from backup_core.node.facts import node_facts, placement
from backup_core.open_repositories import open_repositories
from backup_core.schema import extract_schema
from backup_core.snapshot import clear_orphans, clear_snapshot, data_directories, free_tag, take_snapshot
from backup_core.space import plan_space
from backup_core.step import step
from backup_core.store import store_backup
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
        BackupError: what went wrong, with the way out; `backup_core.errors` draws the tree. No snapshot is left.
            Nothing is published, but where the error says so: some repositories have it (IncompleteError), or the
            links to it couldn't be made (StorageError).
    """
    result = backup_tables(context, (table_name,), tag)
    if result.failed:
        raise result.failed[0].error
    return result.succeeded[0]


def backup_tables(
    context: Context,
    table_names: Sequence[str],
    tag: str | None = None,
    *,
    delays_seconds: Mapping[str, float] = MappingProxyType({}),
) -> RunResult:
    """Back up tables under one tag; one that fails doesn't stop the others.

    Args:
        context: where the node is and where its backups go.
        table_names: as Alternator gives them.
        tag: as for `backup_table`; one for all of them.
        delays_seconds: how long after the run's beginning each table is stored at the earliest, by name; snapshots
            are taken at once all the same.

    Returns:
        What succeeded and what failed, each failure with its error; they have been reported already.

    Raises:
        RunCancelledError: a signal; snapshots that were taken are cleared, tables that were done stay.
        BackupError: what concerns all tables: the node can't be reached, no repository can be used.
    """
    names = tuple(dict.fromkeys(table_names))
    with step(context, "prepare"):
        clear_orphans(context)
        facts = node_facts(context.rest, context.cql)
        directories = data_directories(context)
        repositories = open_repositories(context.repositories, facts, directories)
    context = replace(context, repositories=repositories.usable)
    run = _Run(context, facts, repositories.refused, delays_seconds, FloorGuard(context, directories))
    context.reporter.event(RUN_STARTED, tables=len(names), **({"tag": tag} if tag else {}))
    result = run.backup(names, tag)
    context.reporter.event(
        RUN_FINISHED,
        tag=result.tag,
        succeeded=len(result.succeeded),
        failed=len(result.failed),
        duration_seconds=round(context.clock.monotonic() - run.started, 3),
    )
    return result


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A table after phase A. Closing `cleanup` clears its snapshot."""

    table: Table
    schema: TableSchema
    placement: Placement
    snapshot: Snapshot
    cleanup: ExitStack


class _Run:
    """One run over its tables, into the repositories of its context; `refused` are those that can't be used."""

    def __init__(
        self,
        context: Context,
        facts: NodeFacts,
        refused: Mapping[str, BackupError],
        delays_seconds: Mapping[str, float],
        guard: FloorGuard,
    ) -> None:
        self._context = context
        self._facts = facts
        self._refused = refused
        self._delays_seconds = delays_seconds
        self._guard = guard
        self._started_at = context.clock.now()
        self.started = context.clock.monotonic()
        self._tag = ""
        self._succeeded: list[TableBackup] = []
        self._failed: list[TableFailure] = []

    def backup(self, names: Sequence[str], tag: str | None) -> RunResult:
        self._tag = tag or ""
        with ExitStack() as locks:
            # Locked in the order of their names, so that two runs that wait can't wait for each other.
            tables = [table for name in sorted(names) if (table := self._identify(name, locks)) is not None]
            tables.sort(key=lambda table: names.index(table.name))
            with step(self._context, "prepare"):
                # Under the locks: no other run of ours can take the same one for these tables.
                self._tag = tag or free_tag(self._context, tables)
            tables = [table for table in tables if self._tag_is_free(table)]
            with step(self._context, "space"):
                plan = plan_space(self._context, tables)
            for table, error in plan.refused.items():
                self._fail(table.name, error)
            for group in plan.groups:
                self._backup_group(group)
        return RunResult(self._tag, tuple(self._succeeded), tuple(self._failed))

    def _backup_group(self, tables: Sequence[Table]) -> None:
        with ExitStack() as snapshots:
            prepared = [ready for table in tables if (ready := self._prepare(table, snapshots)) is not None]
            prepared.sort(key=lambda ready: self._delays_seconds.get(ready.table.name, 0.0))
            self._store_all(prepared)

    def _store_all(self, prepared: Sequence[_Prepared]) -> None:
        """So many at a time as there may be; where one ends the run, those that wait never begin."""
        pool = ThreadPoolExecutor(self._context.parallel_tables, thread_name_prefix="store")
        try:
            for storing in [pool.submit(copy_context().run, self._store, ready) for ready in prepared]:
                # The system may interrupt any thread for a signal; its handler runs when the main one wakes up.
                while not storing.done():
                    wait((storing,), POLL_SECONDS)
                storing.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _identify(self, name: str, locks: ExitStack) -> Table | None:
        with self._failing(name):
            self._context.reporter.event(TABLE_STARTED, table=name)
            with step(self._context, "table_id", table=name):
                table = get_table_id(self._context, name)
                locks.enter_context(self._context.locks.hold(name))
                return table
        return None

    def _tag_is_free(self, table: Table) -> bool:
        """One tag of a table is one content: once a repository has published it, no run makes another."""
        with self._failing(table.name):
            for repository in self._context.repositories:
                if self._tag in repository.tags(table.name):
                    raise StorageError(
                        f"Backup {table.name}/{self._tag} exists already in repository {repository.name}.",
                        hint="Take another tag, or none: then the next second that is free is taken.",
                    )
            return True
        return False

    def _prepare(self, table: Table, snapshots: ExitStack) -> _Prepared | None:
        """Phase A of one table."""
        with self._failing(table.name):
            with step(self._context, "schema", table=table.name):
                schema = extract_schema(self._context, table)
                where = placement(self._context.rest, self._context.cql, table)
            with step(self._context, "snapshot", table=table.name):
                snapshot = take_snapshot(self._context, table, self._tag)
            cleanup = snapshots.enter_context(ExitStack())
            cleanup.callback(clear_snapshot, self._context, snapshot)
            return _Prepared(table, schema, where, snapshot, cleanup)
        return None

    def _store(self, ready: _Prepared) -> None:
        """Phase B of one table."""
        with self._failing(ready.table.name), ready.cleanup:
            self._wait_for_turn(ready.table.name)
            self._guard.check()
            with step(self._context, "verify", table=ready.table.name):
                snapshot = verify_snapshot(ready.snapshot)
                verified = VerifiedTable(
                    ready.schema, ready.placement, snapshot, self._context.clock.now(), self._facts, self._started_at
                )
                self._context.reporter.event(
                    SNAPSHOT_VERIFIED,
                    table=ready.table.name,
                    directory=str(snapshot.directory),
                    files=len(snapshot.files),
                    size_bytes=snapshot.size_bytes,
                )
            self._store_everywhere(verified)

    def _wait_for_turn(self, name: str) -> None:
        """Its snapshot holds space all the while, so the floor is looked at."""
        begin_at = self.started + self._delays_seconds.get(name, 0.0)
        left_seconds = begin_at - self._context.clock.monotonic()
        if left_seconds > 0:
            self._context.reporter.event(TABLE_DELAYED, table=name, delay_seconds=round(left_seconds, 3))
        while left_seconds > 0:
            self._context.cancel.sleep(min(left_seconds, CHECK_SECONDS))
            self._guard.check()
            left_seconds = begin_at - self._context.clock.monotonic()

    def _store_everywhere(self, verified: VerifiedTable) -> None:
        """One repository that fails doesn't stop the others."""
        table = verified.snapshot.table
        stored: list[StoredBackup] = []
        errors: list[BackupError] = list(self._refused.values())
        for repository in self._context.repositories:
            try:
                with step(self._context, "store", table=table.name, repository=repository.name):
                    stored.append(store_backup(self._context, repository, verified, self._guard))
            except RunCancelledError:
                raise
            except BackupError as error:
                errors.append(error)
        if errors and stored:
            raise IncompleteError(
                f"Table '{table.name}' is stored in {', '.join(backup.repository for backup in stored)} only: "
                f"{'; '.join(str(error) for error in errors)}"
            ) from errors[0]
        if errors:
            raise errors[0]
        self._succeeded.append(TableBackup(table, self._tag, tuple(stored)))
        self._context.reporter.event(TABLE_FINISHED, table=table.name, tag=self._tag)

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
        self._failed.append(TableFailure(name, error))
        self._context.reporter.failure(TABLE_FAILED, error, table=name, tag=self._tag)
