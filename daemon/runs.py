"""Carries out what is due: one attempt at a run, and what is to be tried again afterwards."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import replace

from structlog.contextvars import bind_contextvars

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.context import Context
from backup_core.errors import BackupError, IncompleteError, RunCancelledError, StepError
from backup_core.events import (
    DRILL_FAILED,
    RUN_CANCELLED,
    RUN_FAILED,
    RUN_FINISHED,
    RUN_RETRIED,
    RUN_STARTED,
    TABLE_FAILED,
    TABLE_SKIPPED,
    Reporter,
)
from backup_core.pipeline import backup_tables
from backup_core.restore.drill_results import drill_error
from backup_core.table_id import get_all_tables
from daemon.activity import Activity
from daemon.attempt_reporter import AttemptReporter
from daemon.attempts import Attempt, is_passing
from daemon.coalescing import DueTable, due_tables
from daemon.drills import Drills
from daemon.history_records import Outcome, RunRecord
from daemon.loaded import Loaded
from daemon.observers import RunObserver
from daemon.schedules import Schedule, tables_backed_up
from daemon.upkeep import Upkeep
from daemon.wiring import node_context


class Runner:
    """Makes attempts, one at a time.

    Args:
        loaded: tells the settings in force; asked once an attempt.
        reporter: hears what happens.
        observer: hears what comes of it.
        activity: is told what is under way.
        clock: dates it.
        cancel: ends it.
    """

    def __init__(
        self,
        *,
        loaded: Callable[[], Loaded],
        reporter: Reporter,
        observer: RunObserver,
        activity: Activity,
        clock: Clock,
        cancel: CancelToken,
    ) -> None:
        self._loaded = loaded
        self._reporter = reporter
        self._observer = observer
        self._activity = activity
        self._clock = clock
        self._cancel = cancel

    def upkeep(self, reporter: Reporter | None = None) -> Upkeep:
        """What needs no run, with the settings in force."""
        return Upkeep(self._loaded(), reporter or self._reporter, self._clock, self._cancel)

    def cover(self) -> None:
        """Tell which tables the schedules back up; where the node doesn't answer, the first run tells it."""
        loaded = self._loaded()
        with suppress(BackupError), node_context(loaded.settings, self._reporter, self._cancel) as context:
            self._observer.tables_covered(tables_backed_up(loaded.schedules, get_all_tables(context)))

    def attempt(self, attempt: Attempt) -> Attempt | None:
        """Make an attempt.

        Returns:
            The next one, if there is to be another; None when the run is over.
        """
        if attempt.number == 1:
            attempt = replace(attempt, started_at=self._clock.now())
        try:
            # What is bound to the lines of this run ends with this context, however it ends.
            return copy_context().run(self._attempt, attempt)
        finally:
            # The node's clients hold themselves in cycles. Left to Python, dozens of runs' clients lie around.
            gc.collect()

    def _attempt(self, attempt: Attempt) -> Attempt | None:
        bind_contextvars(
            run_id=attempt.run_id,
            schedule=",".join(schedule.name for schedule in attempt.run.schedules),
            what=attempt.run.what,
            tag=attempt.run.tag,
            attempt=attempt.number,
        )
        with self._activity.of(attempt):
            loaded = self._loaded()
            heard = AttemptReporter(
                attempt, self._reporter, self._observer, self._clock, tuple(loaded.settings.repository)
            )
            try:
                self._make(heard, loaded)
            except RunCancelledError:
                self._cancelled(heard)
                return None
            except BackupError as error:
                return self._settle(heard, error)
            except Exception as error:  # noqa: BLE001  (whatever it is, the daemon stays up and tells)
                broken = StepError(f"The run broke: {type(error).__name__}: {error}", step="run")
                broken.__cause__ = error
                return self._settle(heard, broken)
            return self._settle(heard, None)

    def _make(self, heard: AttemptReporter, loaded: Loaded) -> None:
        if heard.attempt.run.what == "backup":
            with node_context(loaded.settings, heard, self._cancel) as context:
                self._back_up(heard, loaded, context)
        elif heard.attempt.run.what == "drill":
            with node_context(loaded.settings, heard, self._cancel) as context:
                self._drill(heard, Drills(loaded.settings, context))
        else:
            self._keep_up(heard)

    def _back_up(self, heard: AttemptReporter, loaded: Loaded, context: Context) -> None:
        host_id = context.rest.host_id()
        bind_contextvars(node=host_id)
        run = heard.attempt.run
        chosen = heard.attempt.tables
        if chosen is None:
            names = get_all_tables(context)
            self._observer.tables_covered(tables_backed_up(loaded.schedules, names))
            chosen = due_tables(run, names, host_id=host_id, reporter=heard)
            delays_seconds = {table.name: table.delay.total_seconds() for table in chosen}
        else:
            delays_seconds = {}
        self._begin(heard, chosen)
        missing = [table.name for table in chosen if not _is_stored(table.name, run.tag, context, heard)]
        if missing:
            backup_tables(context, missing, run.tag, delays_seconds=delays_seconds)
        from backup_core.restore.scratch_clearing import try_to_clear_scratch  # noqa: PLC0415  (see wiring)

        try_to_clear_scratch(context)
        Upkeep(loaded, heard, self._clock, self._cancel).prune(context.repositories, heard.succeeded)

    def _drill(self, heard: AttemptReporter, drills: Drills) -> None:
        """One table of all that are due: the one whose turn it is."""
        chosen = heard.attempt.tables
        if chosen is None:
            due = due_tables(heard.attempt.run, drills.tables(), host_id="", reporter=heard)
            turn = drills.choose([table.name for table in due]).table
            chosen = tuple(table for table in due if table.name == turn)
        self._begin(heard, chosen)
        with self._told(heard, len(chosen)):
            for table in chosen:
                error = _drilled(drills, table)
                if error is None:
                    heard.done(table.name)
                else:
                    heard.failure(DRILL_FAILED, error, table=table.name)
                    heard.give_up((table.name,), error)

    def _keep_up(self, heard: AttemptReporter) -> None:
        upkeep, run = self.upkeep(heard), heard.attempt.run
        with upkeep.repositories() as stored_in:
            chosen = due_tables(run, upkeep.tables(stored_in), host_id="", reporter=heard)
            self._begin(heard, chosen)
            with self._told(heard, len(chosen)):
                for table in chosen:
                    if run.what == "prune":
                        error = upkeep.prune(stored_in, (table.name,)).get(table.name)
                    else:
                        error = upkeep.verify(stored_in, table.name)
                    if error is None:
                        heard.done(table.name)
                    else:
                        heard.give_up((table.name,), error)

    @contextmanager
    def _told(self, heard: AttemptReporter, tables: int) -> Iterator[None]:
        """Tell the beginning, and the end if it comes to that, of what isn't a backup."""
        tag, started = heard.attempt.run.tag, self._clock.monotonic()
        self._reporter.event(RUN_STARTED, tag=tag, tables=tables)
        yield
        counts = {"succeeded": len(heard.succeeded), "failed": len(heard.failed)}
        duration_seconds = round(self._clock.monotonic() - started, 3)
        self._reporter.event(RUN_FINISHED, tag=tag, **counts, duration_seconds=duration_seconds)

    def _begin(self, heard: AttemptReporter, tables: Sequence[DueTable]) -> None:
        attempt = heard.attempt
        heard.attempt = replace(attempt, tables=tuple(tables))
        if attempt.number == 1:
            self._tell_begin(attempt, [table.name for table in tables])

    def _tell_begin(self, attempt: Attempt, tables: Sequence[str]) -> None:
        run = attempt.run
        record = RunRecord(attempt.run_id, run.what, run.tag, attempt.schedules, run.nominal_at, attempt.started_at)
        self._observer.run_started(record, tables)

    def _cancelled(self, heard: AttemptReporter) -> None:
        """Nothing of it counts as handled: the next start catches up, and finds what is published."""
        attempt = heard.attempt
        self._reporter.event(RUN_CANCELLED, succeeded=len(heard.succeeded), failed=len(heard.failed))
        if attempt.number == 1 and attempt.tables is None:
            self._tell_begin(attempt, ())
        self._observer.run_finished(attempt.run_id, Outcome.CANCELLED, self._clock.now())

    def _settle(self, heard: AttemptReporter, error: BackupError | None) -> Attempt | None:
        """Tell what came of an attempt, and make the next one of what may still succeed."""
        if heard.attempt.number == 1 and heard.attempt.tables is None:
            self._tell_begin(heard.attempt, ())
        schedules, tables = heard.again(error)
        attempt = heard.attempt
        over = [schedule for schedule in attempt.run.schedules if schedule not in schedules]
        if error is not None:
            self._tell_error(heard, error, schedules, tables, over)
        attempt = replace(
            attempt,
            succeeded=attempt.succeeded + len(heard.succeeded),
            failed=attempt.failed + len(heard.failed),
            error=str(error) if error is not None and over else attempt.error,
        )
        for schedule in over:
            self._observer.schedule_handled(schedule.name, attempt.run.nominal_at)
        if schedules:
            return attempt.again(self._clock.monotonic(), schedules=schedules, tables=tables)
        self._observer.run_finished(attempt.run_id, _outcome(attempt), self._clock.now(), attempt.error)
        return None

    def _tell_error(
        self,
        heard: AttemptReporter,
        error: BackupError,
        schedules: Sequence[Schedule],
        tables: Sequence[DueTable] | None,
        over: Sequence[Schedule],
    ) -> None:
        """What ended the attempt as a whole: one ERROR for what is given up, a warning for what isn't."""
        again = {table.name for table in tables or ()}
        done = {*heard.succeeded, *heard.failed, *again}
        lost = [table.name for table in heard.attempt.tables or () if table.name not in done]
        if lost or (over and not heard.attempt.tables):
            names = [schedule.name for schedule in over]
            self._reporter.failure(RUN_FAILED, error, schedules=names, tables=lost)
            heard.give_up(lost, error)
        if schedules:
            delay_seconds = heard.attempt.delay.total_seconds()
            self._reporter.warning(RUN_RETRIED, error=str(error), delay_seconds=delay_seconds, tables=sorted(again))


def _drilled(drills: Drills, table: DueTable) -> BackupError | None:
    """Why a drill is none that could be called good; what passes ends the attempt."""
    try:
        return drill_error(drills.make_or_ask(table.name, table.schedules[0]))
    except RunCancelledError:
        raise
    except BackupError as error:
        if is_passing(error):
            raise
        return error


def _is_stored(table: str, tag: str, context: Context, heard: AttemptReporter) -> bool:
    """One tag of a table is one content: what a run before a crash has published anywhere isn't tried again."""
    names = [repository.name for repository in context.repositories]
    stored = [repository.name for repository in context.repositories if tag in repository.tags(table)]
    if not stored:
        return False
    lacking = [name for name in names if name not in stored]
    if lacking:
        error = IncompleteError(
            f"Table '{table}' is stored in {', '.join(stored)} only: a run before a crash never came to "
            f"{', '.join(lacking)}.",
            hint="The next run stores it in all of them.",
        )
        heard.found(table, stored)
        heard.failure(TABLE_FAILED, error, table=table, tag=tag)
    else:
        heard.event(TABLE_SKIPPED, table=table, tag=tag, repositories=stored)
    return True


def _outcome(attempt: Attempt) -> Outcome:
    if not attempt.failed and not attempt.error:
        return Outcome.SUCCEEDED
    return Outcome.INCOMPLETE if attempt.succeeded else Outcome.FAILED
