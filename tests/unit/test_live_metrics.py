"""Metrics that are looked up when somebody asks."""

import math
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from backup_core.events import SilentReporter
from backup_core.journal import Journal
from backup_core.model import Table
from daemon.live_metrics import LiveMetrics
from daemon.scheduling import Scheduler
from tests.schedule_samples import schedule, utc
from tests.stepped_clock import SteppedClock


USERS = Table("users", "0" * 32)


def snapshots(directory: Path) -> dict[str, float | None]:
    """Held snapshots, by their state."""
    registry = CollectorRegistry()
    registry.register(LiveMetrics(dict, Journal(directory)))
    states = ("in_use", "left_behind")
    return {state: registry.get_sample_value("alternator_backup_snapshots_held", {"state": state}) for state in states}


def test_next_runs_are_those_of_the_scheduler(tmp_path: Path) -> None:
    """Each schedule shows when it fires next, also after that has changed."""
    clock = SteppedClock("2026-11-22T00:30")
    scheduler = Scheduler(clock, SilentReporter())
    scheduler.start([schedule("nightly"), schedule("hourly", every="1h")], {})
    registry = CollectorRegistry()
    registry.register(LiveMetrics(scheduler.next_times, Journal(tmp_path)))

    def next_run(name: str) -> float | None:
        return registry.get_sample_value("alternator_backup_next_run_timestamp_seconds", {"schedule": name})

    assert next_run("nightly") == utc("2026-11-22T02:00").timestamp()
    assert next_run("hourly") == utc("2026-11-22T01:00").timestamp()
    scheduler.apply([schedule("hourly", every="6h")])
    assert next_run("nightly") is None
    assert next_run("hourly") == utc("2026-11-22T06:00").timestamp()
    scheduler.shutdown()


def test_snapshots_are_told_by_who_holds_them(tmp_path: Path) -> None:
    """A snapshot of a run that is alive is in use, one that nobody holds was left behind, a cleared one is gone."""
    journal = Journal(tmp_path)
    assert snapshots(tmp_path) == {"in_use": 0, "left_behind": 0}
    journal.record("1733313018", USERS)
    left = journal.record("1733313019", USERS)
    journal.release(left)
    assert snapshots(tmp_path) == {"in_use": 1, "left_behind": 1}
    journal.forget(left)
    assert snapshots(tmp_path) == {"in_use": 1, "left_behind": 0}


def test_a_journal_that_cannot_be_read_is_unknown_and_not_empty(tmp_path: Path) -> None:
    """Nobody is told that there are no snapshots when nobody knows; everything else is still shown."""
    (tmp_path / "file").write_text("")
    assert [math.isnan(count or 0) for count in snapshots(tmp_path / "file").values()] == [True, True]


def test_a_broken_entry_may_stand_for_a_snapshot_that_was_left_behind(tmp_path: Path) -> None:
    """Somebody has to look at it, as at the others; the others still count."""
    (tmp_path / "1-2.json").write_text("no entry")
    journal = Journal(tmp_path)
    journal.record("1733313018", USERS)
    assert snapshots(tmp_path) == {"in_use": 1, "left_behind": 1}


@pytest.mark.parametrize("missing", ["journal", "parent/journal"])
def test_no_journal_is_an_empty_one(tmp_path: Path, missing: str) -> None:
    """Before the first backup there is no journal, and no snapshot."""
    assert snapshots(tmp_path / missing) == {"in_use": 0, "left_behind": 0}
