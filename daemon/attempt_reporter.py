"""Hears what comes of each table of one attempt, and takes the ERROR from what will be tried again."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backup_core.clock import Clock
from backup_core.errors import BackupError
from backup_core.events import (
    BACKUP_PUBLISHED,
    STEP_STARTED,
    TABLE_FAILED,
    TABLE_FINISHED,
    TABLE_RETRIED,
    TABLE_STARTED,
    Reporter,
)
from daemon.attempts import Attempt, is_passing
from daemon.coalescing import DueTable
from daemon.history_records import Outcome, RunRecord, TableRecord
from daemon.observers import RunObserver
from daemon.schedules import Schedule


if TYPE_CHECKING:
    from datetime import datetime


class AttemptReporter:
    """A `Reporter` for one attempt at backups.

    Args:
        reporter: hears everything, a failure that will be tried again as a warning.
        observer: hears of each table that is done with.
        repositories: names of all that a table has to be in.

    Attributes:
        attempt: with its tables once they are known.
        succeeded, failed, retried: names of tables.
    """

    def __init__(
        self, attempt: Attempt, reporter: Reporter, observer: RunObserver, clock: Clock, repositories: Sequence[str]
    ) -> None:
        self.attempt = attempt
        self.succeeded: list[str] = []
        self.failed: list[str] = []
        self.retried: list[str] = []
        self._reporter = reporter
        self._observer = observer
        self._clock = clock
        self._repositories = repositories
        self._started: dict[str, datetime] = {}
        self._stored: dict[str, dict[str, int]] = {}

    def begin(self, tables: Sequence[DueTable]) -> None:
        """Its tables are known; tells the beginning of the run if this is its first attempt."""
        attempt = self.attempt
        self.attempt = replace(attempt, tables=tuple(tables))
        if attempt.number == 1:
            self._tell_begin(tables)

    def begun(self) -> None:
        """Tell the beginning of the run also where its first attempt ended before its tables were known."""
        if self.attempt.number == 1 and self.attempt.tables is None:
            self._tell_begin(())

    def event(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        self._reporter.event(name, **fields)
        table = fields.get("table", "")
        if name == TABLE_STARTED:
            self._started[table] = self._clock.now()
        elif name == STEP_STARTED and fields["step"] == "store":
            self._stored.setdefault(table, {})
        elif name == BACKUP_PUBLISHED:
            self._stored[table][fields["repository"]] = fields["size_bytes"]
        elif name == TABLE_FINISHED:
            self.done(table)

    def warning(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        self._reporter.warning(name, **fields)

    def failure(self, name: str, error: Exception, **fields: Any) -> None:
        """See `Reporter`."""
        if name != TABLE_FAILED:
            self._reporter.failure(name, error, **fields)
        elif is_passing(error) and self.attempt.table_in_time(fields["table"], self._clock.now()):
            delay_seconds = self.attempt.delay.total_seconds()
            self._reporter.warning(TABLE_RETRIED, error=str(error), delay_seconds=delay_seconds, **fields)
            self.retried.append(fields["table"])
        else:
            self._reporter.failure(name, error, **fields)
            self.give_up((fields["table"],), error)

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """See `Reporter`."""
        self._reporter.progress(what, done_bytes, total_bytes)

    def done(self, table: str) -> None:
        """This one is done, and well."""
        self.succeeded.append(table)
        self._observer.table_finished(self._record(table, Outcome.SUCCEEDED, ""))

    def found(self, table: str, repositories: Iterable[str]) -> None:
        """An attempt before a crash has published it there; nothing more was stored now."""
        self._stored[table] = dict.fromkeys(repositories, 0)

    def give_up(self, tables: Iterable[str], error: Exception) -> None:
        """These have failed for good; that has been reported."""
        for table in tables:
            self.failed.append(table)
            outcome = Outcome.INCOMPLETE if self._stored.get(table) else Outcome.FAILED
            self._observer.table_finished(self._record(table, outcome, str(error)))

    def again(self, error: BackupError | None) -> tuple[tuple[Schedule, ...], tuple[DueTable, ...] | None]:
        """What the next attempt is about.

        Args:
            error: what ended this one as a whole, if anything did.

        Returns:
            Its schedules and tables; no schedules if there is no next one, None if nobody knows the tables yet.
        """
        attempt, now = self.attempt, self._clock.now()
        passing = error is not None and is_passing(error)
        if attempt.tables is None:
            return tuple(s for s in attempt.run.schedules if passing and attempt.in_time(s, now)), None
        done = {*self.succeeded, *self.failed}
        tables = tuple(
            table
            for table in attempt.tables
            if table.name in self.retried
            or (passing and table.name not in done and attempt.table_in_time(table.name, now))
        )
        askers = {name for table in tables for name in table.schedules}
        return tuple(schedule for schedule in attempt.run.schedules if schedule.name in askers), tables

    def _tell_begin(self, tables: Sequence[DueTable]) -> None:
        attempt, run = self.attempt, self.attempt.run
        record = RunRecord(attempt.run_id, run.what, run.tag, attempt.schedules, run.nominal_at, attempt.started_at)
        self._observer.run_started(record, [table.name for table in tables])

    def _record(self, table: str, outcome: Outcome, error: str) -> TableRecord:
        stored, now = self._stored.get(table, {}), self._clock.now()
        places = self._repositories if table in self._stored else ()
        return TableRecord(
            run_id=self.attempt.run_id,
            table=table,
            outcome=outcome,
            started_at=self._started.get(table, now),
            finished_at=now,
            size_bytes=sum(stored.values()),
            error=error,
            repositories={name: Outcome.SUCCEEDED if name in stored else Outcome.FAILED for name in places},
        )
