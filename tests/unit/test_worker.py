"""The worker's thread: what ends it, and what must not."""

from collections.abc import Iterator

import pytest

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.events import CLEANUP_FAILED, CLEANUP_POSTPONED
from daemon.activity import Activity
from daemon.loaded import Loaded
from daemon.observers import SilentObserver
from daemon.runs import Runner
from daemon.scheduling import Scheduler
from daemon.worker import Worker
from tests.faults.commands import until
from tests.repository_backups import RecordingReporter


@pytest.fixture
def cancel() -> Iterator[CancelToken]:
    """Ends the worker with the test."""
    cancel = CancelToken()
    yield cancel
    cancel.set(143)


def test_a_bug_in_the_clean_up_ended_the_daemon(cancel: CancelToken) -> None:
    """It is told once as an error, tried again later, and the worker lives on."""

    def loaded() -> Loaded:
        raise ZeroDivisionError("nobody expected this")

    clock, reporter = SystemClock(), RecordingReporter()
    runner = Runner(
        loaded=loaded,
        reporter=reporter,
        observer=SilentObserver(),
        activity=Activity(clock),
        clock=clock,
        cancel=cancel,
    )
    scheduler = Scheduler(clock, reporter)
    scheduler.start((), {})
    worker = Worker(
        scheduler=scheduler, runner=runner, reporter=reporter, clock=clock, cancel=cancel, changed=lambda: None
    )
    worker.start()
    until(lambda: len(reporter.events) == 2)
    assert worker.alive
    cancel.set(143)
    scheduler.shutdown()
    until(lambda: not worker.alive)
    assert [name for name, _ in reporter.events] == [CLEANUP_FAILED, CLEANUP_POSTPONED]
    assert "nobody expected this" in str(reporter.events[0][1]["error"])
