"""When systemd is told that the service is alive, and when not."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from backup_core.events import WATCHDOG_WITHHELD, SilentReporter
from daemon.activity import Activity
from daemon.settings_file import Settings
from daemon.systemd import Notifier
from daemon.watchdog import Watchdog
from tests.e2e.services import NotifySocket
from tests.repository_backups import RecordingReporter
from tests.stepped_clock import SteppedClock


SETTINGS = Settings.model_validate({"repository": {"local": {"path": "/backups"}}})
HOUR_SECONDS = 3600.0


@dataclass
class Thread:
    """Something that lives, or doesn't."""

    alive: bool = True


@pytest.fixture
def clock() -> SteppedClock:
    """At some moment."""
    return SteppedClock("2026-01-01T00:00:00")


@pytest.fixture
def activity(clock: SteppedClock) -> Activity:
    """Nothing runs."""
    return Activity(clock)


def watchdog(activity: Activity, clock: SteppedClock, *, scheduler: bool = True, worker: bool = True) -> Watchdog:
    """A watchdog that nobody listens to."""
    return Watchdog(
        notifier=Notifier({}),
        scheduler=Thread(scheduler),
        worker=Thread(worker),
        activity=activity,
        clock=clock,
        reporter=SilentReporter(),
    )


@pytest.fixture
def notify() -> Iterator[NotifySocket]:
    """Systemd."""
    listening = NotifySocket(f"@alternator-backup-test-{uuid.uuid4()}")
    yield listening
    listening.close()


@pytest.mark.parametrize("what", ["scheduler", "worker", "step"])
def test_systemd_hears_nothing_while_something_is_stuck(
    activity: Activity, clock: SteppedClock, notify: NotifySocket, what: str
) -> None:
    """No ping of a dead thread, or past a step's deadline; the reason is told once, and pings come again with life."""
    threads, reporter = {"scheduler": Thread(), "worker": Thread()}, RecordingReporter()
    notifier = Notifier({"NOTIFY_SOCKET": notify.address})
    dog = Watchdog(notifier=notifier, activity=activity, clock=clock, reporter=reporter, **threads)
    activity.event("step.started", step="store", table="users", repository="local")
    dog.ping(SETTINGS)
    if what == "step":
        clock.step(seconds=HOUR_SECONDS)
    else:
        threads[what].alive = False
    for _ in range(3):
        dog.ping(SETTINGS)
    notifier.status("stuck")
    if what == "step":
        activity.progress("users", 1, 2)
    else:
        threads[what].alive = True
    dog.ping(SETTINGS)
    notify.until("WATCHDOG=1", count=2)
    assert notify.states() == ["WATCHDOG=1", "STATUS=stuck", "WATCHDOG=1"]
    ((name, fields),) = reporter.events
    assert name == WATCHDOG_WITHHELD
    assert what in fields["reason"]


def test_nothing_to_do_is_alive(activity: Activity, clock: SteppedClock) -> None:
    """However long nothing comes due."""
    clock.step(seconds=100 * HOUR_SECONDS)
    assert watchdog(activity, clock).problem(SETTINGS) is None


def test_threads_that_ended(activity: Activity, clock: SteppedClock) -> None:
    """Without its scheduler or its worker the service does nothing any more."""
    assert "scheduler" in str(watchdog(activity, clock, scheduler=False).problem(SETTINGS))
    assert "worker" in str(watchdog(activity, clock, worker=False).problem(SETTINGS))


def test_a_step_that_gets_on_may_take_long(activity: Activity, clock: SteppedClock) -> None:
    """An archive of many hours is alive as long as it moves; when nothing is heard of it any more, it isn't."""
    activity.event("step.started", step="store", table="users", repository="local")
    for done_bytes in range(100):
        clock.step(seconds=500)
        activity.progress("users", done_bytes, 100)
        assert watchdog(activity, clock).problem(SETTINGS) is None
    clock.step(seconds=HOUR_SECONDS)
    problem = str(watchdog(activity, clock).problem(SETTINGS))
    assert "store of users" in problem
    assert "3600 s" in problem
    activity.event("step.finished", step="store", table="users", repository="local", duration_seconds=1.0)
    assert watchdog(activity, clock).problem(SETTINGS) is None


def test_a_snapshot_may_take_as_long_as_the_settings_let_it(activity: Activity, clock: SteppedClock) -> None:
    """It is asked for, waited for when it is late, and cleared, each with the node's own timeout."""
    activity.event("step.started", step="snapshot", table="users")
    clock.step(seconds=3 * SETTINGS.node.snapshot_timeout_seconds)
    assert watchdog(activity, clock).problem(SETTINGS) is None
    clock.step(seconds=HOUR_SECONDS)
    assert "snapshot of users" in str(watchdog(activity, clock).problem(SETTINGS))
