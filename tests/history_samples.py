"""Runs for tests of the history."""

from datetime import UTC, datetime, timedelta

from daemon.history_records import Outcome, RunRecord, TableRecord


START = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after the start."""
    return START + timedelta(hours=hours)


def run(run_id: str, hours: float = 0.0, schedules: tuple[str, ...] = ("nightly",)) -> RunRecord:
    """A backup that begins then, as it was due."""
    return RunRecord(run_id, "backup", str(int(at(hours).timestamp())), schedules, at(hours), at(hours))


def result(run_id: str, table: str, hours: float, outcome: Outcome = Outcome.SUCCEEDED, error: str = "") -> TableRecord:
    """What came of a table, five minutes after its turn had begun."""
    started_at = at(hours) - timedelta(minutes=5)
    return TableRecord(run_id, table, outcome, started_at, at(hours), 100, error, {"local": outcome})
