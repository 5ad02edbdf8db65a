"""The history of runs and tables: SQLite in the state directory. It can be lost, and costs nobody a backup.

A file that is broken is set aside and rebuilt from the repositories, as far as they tell; one that can't be written
is told of once, and the runs go on.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Self, TypeVar

from backup_core.events import HISTORY_FAILED, HISTORY_REBUILT, HISTORY_SET_ASIDE, Reporter
from backup_core.repository.protocol import Repository
from backup_core.repository.timestamps import timestamp
from daemon import history_reading
from daemon.history_file import BrokenHistoryError, is_broken, open_history_file, open_in_memory, set_aside, transaction
from daemon.history_rebuilding import retell
from daemon.history_records import Outcome, PastRun, RunRecord, TableError, TableRecord


KEPT_DAYS = 90
"""Older runs are forgotten, but for the newest of each schedule."""

_TRIM = """
DELETE FROM runs WHERE started_at < ? AND NOT EXISTS (
    SELECT * FROM run_schedules AS its WHERE its.run_id = runs.run_id AND NOT EXISTS (
        SELECT * FROM run_schedules JOIN runs AS newer USING (run_id)
        WHERE run_schedules.schedule = its.schedule AND newer.started_at > runs.started_at
    )
)
"""

_HANDLED = """
INSERT INTO handled VALUES (?, ?)
ON CONFLICT (schedule) DO UPDATE SET nominal_at = MAX(nominal_at, excluded.nominal_at)
"""

T = TypeVar("T")


class History:
    """The history of one daemon. Every method can be called from any thread, and none raises.

    Use `History.open`.
    """

    def __init__(self, path: Path, repositories: Iterable[Repository], reporter: Reporter) -> None:
        self._path = path
        self._repositories = tuple(repositories)
        self._reporter = reporter
        self._lock = threading.Lock()
        self._failing = False
        self._trimmed_on: date | None = None
        self._under_way: dict[str, RunRecord] = {}
        self._connection = self._connect_or_make_do()
        self._write(
            lambda database: database.execute(
                "UPDATE runs SET outcome = ? WHERE outcome IS NULL", (Outcome.INTERRUPTED,)
            )
        )

    @classmethod
    def open(cls, path: Path, repositories: Iterable[Repository], reporter: Reporter) -> Self:
        """Open the history, as the one daemon that writes it; runs without an end were interrupted.

        Args:
            path: its file, made where it is missing.
            repositories: asked what they have if the history is lost or broken.
            reporter: hears of a history that was set aside or rebuilt, or can't be written.
        """
        return cls(path, repositories, reporter)

    def close(self) -> None:
        """Write nothing any more."""
        with self._lock:
            self._connection.close()

    def run_started(self, run: RunRecord) -> None:
        """A run begins."""
        self._write(lambda database: self._add_run(database, run))
        self._under_way[run.run_id] = run

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime, error: str = "") -> None:
        """A run has ended; `error` is why it never came to its tables, if it didn't."""
        self._under_way.pop(run_id, None)
        values = (timestamp(finished_at), outcome, error, run_id)
        self._write(
            lambda database: database.execute(
                "UPDATE runs SET finished_at = ?, outcome = ?, error = ? WHERE run_id = ?", values
            )
        )

    def table_finished(self, table: TableRecord) -> None:
        """A run is done with a table, for better or worse; the last word on a table of a run counts."""
        self._write(lambda database: _add_table(database, table))

    def schedule_handled(self, schedule: str, nominal_at: datetime) -> None:
        """What was due at that time needs no catching up, whatever came of it."""
        self._write(lambda database: database.execute(_HANDLED, (schedule, timestamp(nominal_at))))

    def last_handled(self) -> dict[str, datetime]:
        """The newest nominal time of each schedule that was handled."""
        return self._read(history_reading.last_handled, {})

    def last_runs(self) -> dict[str, PastRun]:
        """The newest run of each schedule, by name."""
        return self._read(history_reading.last_runs, {})

    def last_success(self, table: str) -> datetime | None:
        """When a backup of the table last succeeded in all repositories; None if that isn't remembered."""
        return self._read(lambda database: history_reading.last_success(database, table), None)

    def tables(self) -> tuple[str, ...]:
        """Names of all tables that were to be backed up, whatever came of it."""
        return self._read(history_reading.tables, ())

    def last_errors(self) -> tuple[TableError, ...]:
        """The newest failure of each table in each kind of work."""
        return self._read(history_reading.last_errors, ())

    def _add_run(self, database: sqlite3.Connection, run: RunRecord) -> None:
        _add_run(database, run)
        if run.started_at.date() != self._trimmed_on:
            database.execute(_TRIM, (timestamp(run.started_at - timedelta(days=KEPT_DAYS)),))
            self._trimmed_on = run.started_at.date()

    def _write(self, action: Callable[[sqlite3.Connection], object]) -> None:
        with self._lock:
            try:
                try:
                    self._apply(action)
                except sqlite3.Error as error:
                    if not is_broken(error):
                        raise
                    self._reconnect()
                    self._apply(action)
            except sqlite3.Error as error:
                self._tell_failure(error)
            else:
                self._failing = False

    def _reconnect(self) -> None:
        """Somebody may have moved the file, or it broke only now: what comes in its place is opened."""
        self._connection.close()
        self._connection = self._connect_or_make_do()
        with transaction(self._connection):
            for run in self._under_way.values():
                _add_run(self._connection, run)

    def _apply(self, action: Callable[[sqlite3.Connection], object]) -> None:
        with transaction(self._connection):
            action(self._connection)

    def _read(self, ask: Callable[[sqlite3.Connection], T], unknown: T) -> T:
        with self._lock:
            try:
                return ask(self._connection)
            except (sqlite3.Error, ValueError) as error:
                self._tell_failure(error)
                return unknown

    def _connect_or_make_do(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except (BrokenHistoryError, sqlite3.Error, OSError) as error:
            self._tell_failure(error)
            return open_in_memory(lambda _database: None)

    def _connect(self) -> sqlite3.Connection:
        try:
            return open_history_file(self._path, self._rebuild)
        except BrokenHistoryError as error:
            aside = set_aside(self._path)
            self._reporter.warning(HISTORY_SET_ASIDE, path=str(self._path), set_aside=str(aside), error=str(error))
            return open_history_file(self._path, self._rebuild)

    def _rebuild(self, database: sqlite3.Connection) -> None:
        """Fill a new history; the very first one, where nothing was backed up, isn't worth a word."""
        retold = retell(self._repositories)
        for run in retold.runs:
            _add_run(database, run)
        for table in retold.tables:
            _add_table(database, table)
        database.execute(
            "UPDATE runs SET outcome = ?, finished_at ="
            " (SELECT MAX(finished_at) FROM table_results WHERE table_results.run_id = runs.run_id)",
            (Outcome.SUCCEEDED,),
        )
        if retold.runs:
            self._reporter.event(
                HISTORY_REBUILT, runs=len(retold.runs), tables=len(retold.tables), unread=list(retold.unread)
            )

    def _tell_failure(self, error: Exception) -> None:
        """Once, until it goes well again."""
        if not self._failing:
            self._failing = True
            self._reporter.warning(HISTORY_FAILED, path=str(self._path), error=str(error))


def _add_run(database: sqlite3.Connection, run: RunRecord) -> None:
    database.execute(
        "INSERT OR IGNORE INTO runs (run_id, what, tag, nominal_at, started_at) VALUES (?, ?, ?, ?, ?)",
        (run.run_id, run.what, run.tag, timestamp(run.nominal_at), timestamp(run.started_at)),
    )
    database.executemany(
        "INSERT OR IGNORE INTO run_schedules VALUES (?, ?)", [(run.run_id, name) for name in run.schedules]
    )


def _add_table(database: sqlite3.Connection, table: TableRecord) -> None:
    database.execute(
        "INSERT OR REPLACE INTO table_results VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            table.run_id,
            table.table,
            table.outcome,
            timestamp(table.started_at),
            timestamp(table.finished_at),
            table.size_bytes,
            table.error,
        ),
    )
    database.executemany(
        "INSERT OR REPLACE INTO repository_results VALUES (?, ?, ?, ?)",
        [(table.run_id, table.table, name, outcome) for name, outcome in table.repositories.items()],
    )
