"""When a run is tried again, and when it has failed."""

from datetime import UTC, datetime, timedelta

import pytest

from backup_core.errors import LockHeldError, NodeUnavailableError, NotFoundError
from daemon.attempts import LONGEST_DELAY_SECONDS, Attempt, backoff, is_passing
from daemon.coalescing import DueRun, DueTable
from daemon.schedules import Schedule
from daemon.triggers import IntervalTrigger


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def schedule(name: str, every: str) -> Schedule:
    """A schedule of that interval."""
    return Schedule(name, IntervalTrigger.parse(every), UTC, ("*",), (), "backup", timedelta(), catch_up=True)


HOURLY, DAILY = schedule("hourly", "1h"), schedule("daily", "1d")


def attempt() -> Attempt:
    """At noon two schedules are due; one of them takes only `users`."""
    tables = (DueTable("users", ("hourly", "daily"), timedelta()), DueTable("orders", ("daily",), timedelta()))
    first = Attempt.first(DueRun(NOON, "backup", (HOURLY, DAILY)), NOON)
    return first.again(0.0, schedules=first.run.schedules, tables=tables)


def test_the_delay_doubles_up_to_a_limit() -> None:
    """2, 4, 8 seconds and so on; after very many attempts it is no more than five minutes."""
    assert [backoff(number).total_seconds() for number in (1, 2, 3, 4)] == [2, 4, 8, 16]
    assert backoff(10_000).total_seconds() == LONGEST_DELAY_SECONDS


def test_a_run_is_tried_until_its_schedule_fires_again() -> None:
    """Each schedule has its own window: what the next time makes up for isn't tried beyond it."""
    late = NOON + timedelta(minutes=59, seconds=58)
    assert attempt().in_time(HOURLY, NOON)
    assert not attempt().in_time(HOURLY, late)
    assert attempt().in_time(DAILY, late)


def test_a_table_is_tried_until_any_of_its_schedules_fires_again() -> None:
    """`users` is backed up anew at one o'clock anyway, `orders` only tomorrow."""
    late = NOON + timedelta(minutes=59, seconds=58)
    assert attempt().table_in_time("users", NOON)
    assert not attempt().table_in_time("users", late)
    assert attempt().table_in_time("orders", late)


def test_the_next_attempt_is_of_the_same_run() -> None:
    """It keeps its id, and waits for its delay."""
    first = Attempt.first(DueRun(NOON, "backup", (HOURLY,)), NOON)
    second = first.again(100.0, schedules=(HOURLY,), tables=None)
    assert (second.run_id, second.number, second.not_before) == (first.run_id, 2, 102.0)


@pytest.mark.parametrize(
    ("error", "passing"),
    [(NodeUnavailableError("down"), True), (LockHeldError("taken"), True), (NotFoundError("gone"), False)],
)
def test_what_may_pass(error: Exception, passing: bool) -> None:
    """A node that is down, a table that another run has; nothing that will be so next time as well."""
    assert is_passing(error) is passing
