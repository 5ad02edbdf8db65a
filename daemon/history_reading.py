"""What can be asked of the history, by the daemon and by the verbs that only read."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from backup_core.repository.timestamps import parse_timestamp
from daemon.history_file import BrokenHistoryError, open_to_read
from daemon.history_records import Outcome, PastRun, RunRecord, TableError, TableVerified


# Beside MAX, SQLite takes the other columns from the row that has it (sqlite.org/lang_select.html#bareagg).
_LAST_RUNS = """
WITH newest AS (
    SELECT schedule, run_id, MAX(started_at) FROM run_schedules JOIN runs USING (run_id)
    WHERE :judged IS FALSE OR outcome IN ('succeeded', 'incomplete', 'failed')
    GROUP BY schedule
)
SELECT newest.schedule AS asker, run_id, what, tag, nominal_at, started_at, finished_at, outcome, error,
    (SELECT GROUP_CONCAT(schedule) FROM run_schedules WHERE run_schedules.run_id = newest.run_id) AS schedules,
    (SELECT COUNT(*) FROM table_results WHERE run_id = newest.run_id AND outcome = 'succeeded') AS succeeded,
    (SELECT COUNT(*) FROM table_results WHERE run_id = newest.run_id AND outcome <> 'succeeded') AS failed
FROM newest JOIN runs USING (run_id) ORDER BY newest.schedule
"""

_LAST_ERRORS = """
WITH failures AS (
    SELECT table_name, what, run_id, tag, table_results.outcome, table_results.started_at,
        MAX(table_results.finished_at) AS failed_at, table_results.error
    FROM table_results JOIN runs USING (run_id)
    WHERE table_results.outcome IN ('failed', 'incomplete')
    GROUP BY table_name, what
)
SELECT *, (
    SELECT MAX(later.finished_at) FROM table_results AS later JOIN runs USING (run_id)
    WHERE later.table_name = failures.table_name AND runs.what = failures.what
        AND later.outcome = 'succeeded' AND later.finished_at > failures.failed_at
) AS succeeded_at
FROM failures ORDER BY table_name, what
"""

_LAST_VERIFIED = """
WITH verified AS (
    SELECT table_name, MAX(table_results.finished_at) AS verified_at, table_results.outcome, table_results.error
    FROM table_results JOIN runs USING (run_id) WHERE what = 'verify' GROUP BY table_name
)
SELECT *, (
    SELECT MAX(good.finished_at) FROM table_results AS good JOIN runs USING (run_id)
    WHERE good.table_name = verified.table_name AND runs.what = 'verify' AND good.outcome = 'succeeded'
) AS good_at
FROM verified ORDER BY table_name
"""

_LAST_SUCCESS = """
SELECT MAX(table_results.finished_at) FROM table_results JOIN runs USING (run_id)
WHERE table_name = ? AND what = 'backup' AND table_results.outcome = 'succeeded'
"""

_TABLES = """
SELECT DISTINCT table_name FROM table_results JOIN runs USING (run_id) WHERE what = 'backup' ORDER BY table_name
"""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the verbs show of the history.

    Attributes:
        last_runs: the newest run of each schedule, by name.
        last_judged: the newest of those that came to an end of their own, well or not.
        last_verified: what came of the newest verification of each table that the daemon ever verified, by name.
        problem: why nothing could be read; empty if it could, or if there is no history yet.
    """

    last_runs: dict[str, PastRun] = field(default_factory=dict)
    last_judged: dict[str, PastRun] = field(default_factory=dict)
    last_errors: tuple[TableError, ...] = ()
    last_verified: tuple[TableVerified, ...] = ()
    problem: str = ""


def remembered(path: Path) -> Remembered:
    """Read a history without a daemon, or beside it."""
    if not path.exists():
        return Remembered()
    try:
        with closing(open_to_read(path)) as connection:
            return Remembered(
                last_runs(connection), last_judged(connection), last_errors(connection), last_verified(connection)
            )
    except (BrokenHistoryError, sqlite3.Error, ValueError) as error:
        return Remembered(problem=f"{path} can't be read: {error}")


def last_handled(connection: sqlite3.Connection) -> dict[str, datetime]:
    """The newest nominal time of each schedule that was handled."""
    rows = connection.execute("SELECT schedule, nominal_at FROM handled")
    return {schedule: parse_timestamp(nominal_at) for schedule, nominal_at in rows}


def last_runs(connection: sqlite3.Connection) -> dict[str, PastRun]:
    """The newest run of each schedule, by name."""
    return {row["asker"]: _past_run(row) for row in _rows(connection, _LAST_RUNS, judged=False)}


def last_judged(connection: sqlite3.Connection) -> dict[str, PastRun]:
    """The same, of runs that came to an end of their own: none is under way, was cancelled or interrupted."""
    return {row["asker"]: _past_run(row) for row in _rows(connection, _LAST_RUNS, judged=True)}


def last_errors(connection: sqlite3.Connection) -> tuple[TableError, ...]:
    """The newest failure of each table in each kind of work, by name."""
    return tuple(
        TableError(
            table=row["table_name"],
            what=row["what"],
            run_id=row["run_id"],
            tag=row["tag"],
            outcome=Outcome(row["outcome"]),
            started_at=parse_timestamp(row["started_at"]),
            failed_at=parse_timestamp(row["failed_at"]),
            error=row["error"],
            succeeded_at=_optional_time(row["succeeded_at"]),
        )
        for row in _rows(connection, _LAST_ERRORS)
    )


def last_verified(connection: sqlite3.Connection) -> tuple[TableVerified, ...]:
    """What came of the newest verification of each table, by name."""
    return tuple(
        TableVerified(
            table=row["table_name"],
            verified_at=parse_timestamp(row["verified_at"]),
            outcome=Outcome(row["outcome"]),
            error=row["error"],
            good_at=_optional_time(row["good_at"]),
        )
        for row in _rows(connection, _LAST_VERIFIED)
    )


def last_success(connection: sqlite3.Connection, table: str) -> datetime | None:
    """When a backup of the table last succeeded everywhere."""
    (finished_at,) = connection.execute(_LAST_SUCCESS, (table,)).fetchone()
    return _optional_time(finished_at)


def tables(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Names of all tables that were to be backed up, whatever came of it."""
    return tuple(name for (name,) in connection.execute(_TABLES))


def _rows(connection: sqlite3.Connection, query: str, **parameters: bool) -> list[sqlite3.Row]:
    """The rows of a query, with names: all at once, so that no reader makes the daemon wait."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(query, parameters).fetchall()


def _past_run(row: sqlite3.Row) -> PastRun:
    return PastRun(
        run=RunRecord(
            run_id=row["run_id"],
            what=row["what"],
            tag=row["tag"],
            schedules=tuple(sorted(row["schedules"].split(","))),
            nominal_at=parse_timestamp(row["nominal_at"]),
            started_at=parse_timestamp(row["started_at"]),
        ),
        finished_at=_optional_time(row["finished_at"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        error=row["error"],
        succeeded=row["succeeded"],
        failed=row["failed"],
    )


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else parse_timestamp(text)
