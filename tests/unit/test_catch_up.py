"""What a daemon makes up for when it starts."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.catch_up import missed_while_down
from daemon.schedules import Schedule
from tests.schedule_samples import schedule, utc


NIGHTLY = schedule("nightly")
HOURLY = schedule("hourly", every="1h")
NOW = utc("2026-11-22T10:30")


@pytest.mark.parametrize(
    ("last_handled", "missed"),
    [
        ("2026-11-22T02:00", None),
        ("2026-11-21T02:00", "2026-11-22T02:00"),
        ("2026-11-01T02:00", "2026-11-22T02:00"),
        ("2026-11-22T01:00", "2026-11-22T02:00"),
        ("2027-01-01T02:00", None),
    ],
)
def test_the_newest_missed_time_counts(last_handled: str, missed: str | None) -> None:
    """However many nights were missed, one run makes up for them; a history from the future asks for nothing."""
    items = missed_while_down([NIGHTLY], {"nightly": utc(last_handled)}, NOW)
    assert [item.nominal_at for item in items] == ([utc(missed)] if missed else [])


def test_a_schedule_without_a_history_has_missed_nothing() -> None:
    """A new schedule waits for its first time."""
    assert missed_while_down([NIGHTLY, HOURLY], {"weekly": utc("2020-01-01T00:00")}, NOW) == ()


def test_each_schedule_has_a_history_of_its_own() -> None:
    """One that missed something doesn't drag along the other."""
    handled = {"nightly": utc("2026-11-22T02:00"), "hourly": utc("2026-11-22T02:00")}
    [item] = missed_while_down([NIGHTLY, HOURLY], handled, NOW)
    assert (item.schedule, item.nominal_at) == (HOURLY, utc("2026-11-22T10:00"))


moments = st.integers(0, 10**8).map(lambda seconds: utc("2024-01-01T00:00") + timedelta(seconds=seconds))


@given(st.sampled_from([NIGHTLY, HOURLY]), moments, moments)
def test_start_and_schedule_share_time_without_gap_or_overlap(
    either: Schedule, stopped: datetime, started: datetime
) -> None:
    """What was missed lies between stop and start; a second start makes up for nothing; the next fire comes after."""
    handled = {either.name: either.trigger.last_until(stopped)}
    items = missed_while_down([either], handled, started)

    assert bool(items) == (either.trigger.next_after(stopped) <= started)
    for item in items:
        assert stopped < item.nominal_at <= started < either.trigger.next_after(started)
        assert missed_while_down([either], {either.name: item.nominal_at}, started) == ()
