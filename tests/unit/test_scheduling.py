"""The scheduler, stepped by a clock of the test; and where it matters, with its own thread in real time."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from backup_core.clock import SystemClock
from backup_core.events import (
    CLOCK_SET_BACK,
    SCHEDULE_ADDED,
    SCHEDULE_CAUGHT_UP,
    SCHEDULE_CHANGED,
    SCHEDULE_DUE,
    SCHEDULE_FAILED,
    SCHEDULE_MISSED,
    SCHEDULE_REMOVED,
    SCHEDULE_SKIPPED,
)
from daemon.schedules import Schedule, WorkItem
from daemon.scheduling import STALLED_AFTER_SECONDS, Scheduler
from daemon.triggers import ScheduleTrigger
from tests.repository_backups import RecordingReporter
from tests.schedule_samples import made, schedule, utc
from tests.stepped_clock import SteppedClock


DEADLINE_SECONDS = 20.0

NIGHTLY = schedule("nightly")
HOURLY = schedule("hourly", every="1h")
QUARTERLY = schedule("quarterly", cron="*/15 * * * *")


class Bench:
    """A scheduler, its clock, and what it told."""

    def __init__(self) -> None:
        self.clock = SteppedClock("2026-11-22T00:30")
        self.reporter = RecordingReporter()
        self.scheduler = Scheduler(self.clock, self.reporter)

    def start(self, *schedules: Schedule, **last_handled: str) -> None:
        """Start with these, and their histories by name."""
        self.scheduler.start(schedules, {name: utc(moment) for name, moment in last_handled.items()})

    def step(self, **by: float) -> list[tuple[str, datetime]]:
        """Let time pass in one go, and take what is due then."""
        self.clock.step(**by)
        self.scheduler.process_due()
        return self.taken()

    def taken(self) -> list[tuple[str, datetime]]:
        """What waited."""
        return [(item.schedule.name, item.nominal_at) for item in self.scheduler.take(0)]

    def told(self, *names: str) -> list[dict[str, Any]]:
        """The fields of the events of these names."""
        return [fields for name, fields in self.reporter.events if name in names]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Starts at half past midnight; its thread ends with the test."""
    made_bench = Bench()
    yield made_bench
    made_bench.scheduler.shutdown()


def test_a_day_of_schedules(bench: Bench) -> None:
    """Stepped by uneven minutes, everything comes due once, under the time when it should have been."""
    bench.start(NIGHTLY, HOURLY, QUARTERLY)
    due = [item for _ in range(206) for item in bench.step(minutes=7)]

    day = [utc("2026-11-22T00:30") + timedelta(minutes=15) * number for number in range(1, 97)]
    assert [at for name, at in due if name == "quarterly"] == day
    assert [at for name, at in due if name == "hourly"] == [at for at in day if not at.minute]
    assert [at for name, at in due if name == "nightly"] == [utc("2026-11-22T02:00")]
    assert sorted(due, key=lambda item: item[1]) == due
    assert bench.told(SCHEDULE_DUE) == [{"schedule": name, "nominal_at": at} for name, at in due]
    assert bench.told(SCHEDULE_MISSED, SCHEDULE_SKIPPED, SCHEDULE_FAILED) == []


def test_a_year_of_nights_in_three_timezones(bench: Bench) -> None:
    """Looked at every hour of a year, each night comes due once, also where its hour is skipped or repeated."""
    zones = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
    bench.clock.step(days=40, minutes=-30)
    bench.start(*(schedule(zone.partition("/")[2], cron="30 2 * * *", timezone=zone) for zone in zones))
    due = [item for _ in range(365 * 24) for item in bench.step(hours=1)]

    for zone in zones:
        nights = [at.astimezone(ZoneInfo(zone)) for name, at in due if name == zone.partition("/")[2]]
        first = nights[0].date()
        assert [night.date() for night in nights] == [first + timedelta(days=number) for number in range(365)]
        assert {(night.hour, night.minute) for night in nights} <= {(2, 30), (3, 0)}
    assert bench.told(SCHEDULE_MISSED, SCHEDULE_SKIPPED, SCHEDULE_FAILED) == []


def test_thousands_of_fires_leave_nothing_behind(bench: Bench) -> None:
    """Each is taken, and none is refused for a former one."""
    bench.start(QUARTERLY)
    assert sum(len(bench.step(minutes=15)) for _ in range(3000)) == 3000
    assert bench.told(SCHEDULE_SKIPPED, SCHEDULE_MISSED) == []


def test_who_comes_late_runs_once_and_says_so(bench: Bench) -> None:
    """After hours without a look, as of a suspended machine, the newest time is made up for."""
    bench.start(HOURLY, NIGHTLY)

    assert bench.step(hours=5) == [("nightly", utc("2026-11-22T02:00")), ("hourly", utc("2026-11-22T05:00"))]
    assert bench.told(SCHEDULE_MISSED) == [
        {"schedule": "hourly", "nominal_at": utc("2026-11-22T01:00"), "replaced_by": utc("2026-11-22T05:00")}
    ]
    assert bench.scheduler.next_times() == {"hourly": utc("2026-11-22T06:00"), "nightly": utc("2026-11-23T02:00")}


def test_work_that_waits_is_not_heaped_up(bench: Bench) -> None:
    """A schedule whose former work nobody has taken yet is skipped, and says so; afterwards it goes on."""
    bench.start(HOURLY)
    for _ in range(3):
        bench.clock.step(hours=1)
        bench.scheduler.process_due()

    assert [item.nominal_at for item in bench.scheduler.untaken] == [utc("2026-11-22T01:00")]
    assert bench.taken() == [("hourly", utc("2026-11-22T01:00"))]
    assert bench.scheduler.untaken == ()
    assert [fields["nominal_at"] for fields in bench.told(SCHEDULE_SKIPPED)] == [
        utc("2026-11-22T02:00"),
        utc("2026-11-22T03:00"),
    ]
    assert bench.step(hours=1) == [("hourly", utc("2026-11-22T04:00"))]


def test_what_is_due_together_is_taken_together(bench: Bench) -> None:
    """Whoever waits for work never gets one of two schedules of the same time alone."""
    bench.start(NIGHTLY, HOURLY)
    bench.step(hours=1)
    taken: list[tuple[WorkItem, ...]] = []
    waiting = threading.Thread(target=lambda: taken.append(bench.scheduler.take(DEADLINE_SECONDS)))
    waiting.start()

    bench.clock.step(minutes=30)
    bench.scheduler.process_due()
    waiting.join(DEADLINE_SECONDS)

    assert {(item.schedule, item.nominal_at) for item in taken[0]} == {
        (NIGHTLY, utc("2026-11-22T02:00")),
        (HOURLY, utc("2026-11-22T02:00")),
    }


def test_what_was_missed_is_made_up_for_at_start(bench: Bench) -> None:
    """Once, if the schedule allows it; otherwise it is told, and that's all."""
    strict = schedule("strict", catch_up=False)
    bench.start(
        NIGHTLY, HOURLY, strict, nightly="2026-11-19T02:00", strict="2026-11-19T02:00", hourly="2026-11-22T00:00"
    )

    assert bench.taken() == [("nightly", utc("2026-11-21T02:00"))]
    assert bench.told(SCHEDULE_CAUGHT_UP) == [
        {"schedule": "nightly", "nominal_at": utc("2026-11-21T02:00"), "late_seconds": 22.5 * 3600}
    ]
    assert bench.told(SCHEDULE_MISSED) == [
        {"schedule": "strict", "nominal_at": utc("2026-11-21T02:00"), "replaced_by": None}
    ]
    assert len(bench.step(hours=1.5)) == 3


def test_a_schedule_that_catches_up_still_comes_due(bench: Bench) -> None:
    """The work that makes up for the past doesn't count as the one that waits."""
    bench.start(NIGHTLY, nightly="2026-11-19T02:00")
    assert bench.step(hours=2) == [("nightly", utc("2026-11-21T02:00")), ("nightly", utc("2026-11-22T02:00"))]


def test_reload_keeps_moves_adds_and_removes(bench: Bench) -> None:
    """Unchanged schedules keep their next time, changed ones move, removed ones stop, new ones begin."""
    later, gone, weekly = schedule("moved", cron="0 5 * * *"), schedule("gone"), schedule("weekly", cron="@weekly")
    bench.start(NIGHTLY, schedule("moved"), gone)
    assert len(bench.told(SCHEDULE_ADDED)) == 3

    bench.scheduler.apply([NIGHTLY, later, weekly])

    assert bench.scheduler.next_times() == {
        "nightly": utc("2026-11-22T02:00"),
        "moved": utc("2026-11-22T05:00"),
        "weekly": utc("2026-11-29T00:00"),
    }
    assert bench.told(SCHEDULE_REMOVED) == [{"schedule": "gone", "next_at": None}]
    assert bench.told(SCHEDULE_CHANGED) == [{"schedule": "moved", "next_at": utc("2026-11-22T05:00")}]
    assert bench.told(SCHEDULE_ADDED)[3:] == [{"schedule": "weekly", "next_at": utc("2026-11-29T00:00")}]
    assert bench.step(hours=4, minutes=30) == [("nightly", utc("2026-11-22T02:00")), ("moved", utc("2026-11-22T05:00"))]


def test_a_schedule_with_other_tables_keeps_its_time(bench: Bench) -> None:
    """It fires when it would have fired, and takes the new tables."""
    bench.start(NIGHTLY)
    changed = schedule("nightly", cron="0  2 * * *", tables=["users"])
    bench.scheduler.apply([changed])
    bench.clock.step(hours=2)
    bench.scheduler.process_due()

    assert bench.scheduler.take(0) == (WorkItem(changed, utc("2026-11-22T02:00")),)


def test_the_same_schedules_again_change_nothing(bench: Bench) -> None:
    """A reload without changes goes by without an event."""
    bench.start(*made(nightly={"cron": "0 2 * * *", "timezone": "Europe/Berlin"}, hourly={"every": "1h"}))
    before = list(bench.reporter.events)
    bench.scheduler.apply(made(hourly={"every": "60m"}, nightly={"cron": "0 2 * * *", "timezone": "Europe/Berlin"}))

    assert bench.reporter.events == before


def test_what_was_due_before_a_reload_is_done_as_it_was_meant(bench: Bench) -> None:
    """Nobody has looked yet when the reload comes: the schedule that is taken away is due all the same."""
    bench.start(NIGHTLY, HOURLY)
    bench.clock.step(hours=2)
    bench.scheduler.apply([schedule("nightly", tables=["users"])])

    due = bench.scheduler.take(0)
    assert {(item.schedule, item.nominal_at) for item in due} == {
        (NIGHTLY, utc("2026-11-22T02:00")),
        (HOURLY, utc("2026-11-22T02:00")),
    }
    assert bench.scheduler.next_times() == {"nightly": utc("2026-11-23T02:00")}


@dataclass(frozen=True)
class BrokenTrigger(ScheduleTrigger):
    """Fires at one, and then doesn't know any more."""

    def next_after(self, moment: datetime) -> datetime:
        """See `ScheduleTrigger`."""
        if moment >= utc("2026-11-22T01:00"):
            raise ArithmeticError("no more")
        return utc("2026-11-22T01:00")

    def last_until(self, moment: datetime) -> datetime:
        """See `ScheduleTrigger`."""
        return min(moment, utc("2026-11-22T01:00"))


def test_a_schedule_that_breaks_stops_alone(bench: Bench) -> None:
    """It is told as a failure; the others go on."""
    broken = Schedule("broken", BrokenTrigger(), UTC, ("*",), (), "backup", timedelta(), catch_up=False)
    bench.start(broken, HOURLY)

    assert bench.step(hours=1) == [("hourly", utc("2026-11-22T01:00"))]
    [failure] = bench.told(SCHEDULE_FAILED)
    assert (failure["schedule"], str(failure["error"])) == ("broken", "no more")
    assert bench.step(hours=1) == [("hourly", utc("2026-11-22T02:00"))]
    assert list(bench.scheduler.next_times()) == ["hourly"]


def test_a_clock_that_was_far_ahead_costs_no_backups(bench: Bench) -> None:
    """Once it is set right, schedules fire by the right time, not when the wrong one comes."""
    bench.start(HOURLY)
    bench.step(days=400)

    assert bench.step(days=-400) == []
    assert bench.told(CLOCK_SET_BACK) == [{"set_back_seconds": 400 * 86400.0}]
    assert bench.step(hours=1) == [("hourly", utc("2026-11-22T01:00"))]


def test_a_clock_that_is_put_right_by_seconds_repeats_nothing(bench: Bench) -> None:
    """A time that comes again is not due again."""
    bench.start(HOURLY)
    assert bench.step(minutes=30) == [("hourly", utc("2026-11-22T01:00"))]
    assert bench.step(seconds=-10) == []
    assert bench.step(seconds=10) == []
    assert bench.step(hours=1) == [("hourly", utc("2026-11-22T02:00"))]


def test_nothing_comes_due_in_a_pause(bench: Bench) -> None:
    """What waits can still be taken."""
    bench.start(HOURLY)
    bench.clock.step(hours=1)
    bench.scheduler.process_due()
    bench.scheduler.pause()
    assert bench.step(hours=3) == [("hourly", utc("2026-11-22T01:00"))]
    assert bench.taken() == []


def test_shutdown_ends_whoever_waits_for_work(bench: Bench) -> None:
    """At once, with nothing; a second shutdown does no harm, nor does one while others ask for the next times."""
    bench.start(HOURLY)
    taken: list[tuple[WorkItem, ...]] = []
    threads = [
        threading.Thread(target=lambda: taken.append(bench.scheduler.take(DEADLINE_SECONDS))),
        threading.Thread(target=lambda: [bench.scheduler.next_times() for _ in range(1000)]),
    ]
    for thread in threads:
        thread.start()
    assert bench.scheduler.alive
    bench.scheduler.shutdown()
    bench.scheduler.shutdown()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)

    assert (taken, bench.scheduler.alive, bench.scheduler.next_times()) == ([()], False, {})


class StuckReporter(RecordingReporter):
    """Takes for ever when a schedule comes due, as a log that nobody reads does."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = threading.Event(), threading.Event()

    def event(self, name: str, **_fields: Any) -> None:
        """Stuck until it is released."""
        if name == SCHEDULE_DUE:
            self.entered.set()
            self.released.wait(DEADLINE_SECONDS)


class SlidingClock(SystemClock):
    """The machine's clock, on which monotonic time can leap."""

    leapt_seconds = 0.0

    def monotonic(self) -> float:
        """With the leap."""
        return super().monotonic() + self.leapt_seconds


@pytest.fixture
def in_real_time() -> Iterator[Callable[..., Scheduler]]:
    """Makes schedulers of the machine's time, and ends them with the test."""
    schedulers: list[Scheduler] = []

    def start(clock: SystemClock, reporter: RecordingReporter) -> Scheduler:
        schedulers.append(Scheduler(clock, reporter))
        schedulers[-1].start([schedule("often", every="1s")], {})
        return schedulers[-1]

    yield start
    for scheduler in schedulers:
        scheduler.shutdown()


def test_its_thread_does_it_all_by_itself(in_real_time: Callable[..., Scheduler]) -> None:
    """In real time, what is due comes soon after its time, second by second."""
    scheduler = in_real_time(SystemClock(), RecordingReporter())
    [first], [second] = scheduler.take(DEADLINE_SECONDS), scheduler.take(DEADLINE_SECONDS)

    assert second.nominal_at - first.nominal_at >= timedelta(seconds=1)
    assert timedelta() <= SystemClock().now() - second.nominal_at < timedelta(seconds=DEADLINE_SECONDS)


def test_a_thread_that_is_stuck_is_not_alive(in_real_time: Callable[..., Scheduler]) -> None:
    """The watchdog hears of it after some time without a look at what is due."""
    clock, reporter = SlidingClock(), StuckReporter()
    scheduler = in_real_time(clock, reporter)
    assert reporter.entered.wait(DEADLINE_SECONDS)
    assert scheduler.alive

    clock.leapt_seconds = STALLED_AFTER_SECONDS

    assert not scheduler.alive
    reporter.released.set()
