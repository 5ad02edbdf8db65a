"""Carries out what is due: one attempt at a run, and what is to be tried again afterwards."""

import gc
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace

from structlog.contextvars import bind_contextvars

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.errors import BackupError, RunCancelledError, StepError
from backup_core.events import RUN_CANCELLED, RUN_FAILED, RUN_RETRIED, Reporter
from backup_core.table_id import get_all_tables
from daemon.activity import Activity
from daemon.attempt_reporter import AttemptReporter
from daemon.attempts import Attempt
from daemon.coalescing import DueTable
from daemon.history_records import Outcome
from daemon.loaded import Loaded
from daemon.observers import RunObserver
from daemon.run_work import RunWork
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

    def upkeep(self) -> Upkeep:
        """What needs no run, with the settings in force."""
        return Upkeep(self._loaded(), self._reporter, self._clock, self._cancel)

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
                RunWork(heard, loaded, self._observer, self._clock, self._cancel).carry_out()
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

    def _cancelled(self, heard: AttemptReporter) -> None:
        """Nothing of it counts as handled: the next start catches up, and finds what is published."""
        attempt = heard.attempt
        self._reporter.event(RUN_CANCELLED, succeeded=len(heard.succeeded), failed=len(heard.failed))
        heard.begun()
        self._observer.run_finished(attempt.run_id, Outcome.CANCELLED, self._clock.now())

    def _settle(self, heard: AttemptReporter, error: BackupError | None) -> Attempt | None:
        """Tell what came of an attempt, and make the next one of what may still succeed."""
        heard.begun()
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


def _outcome(attempt: Attempt) -> Outcome:
    if not attempt.failed and not attempt.error:
        return Outcome.SUCCEEDED
    return Outcome.INCOMPLETE if attempt.succeeded else Outcome.FAILED
