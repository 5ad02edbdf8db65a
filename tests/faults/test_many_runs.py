"""Many runs in one process: what a run takes it gives back. `make soak` makes 10,000 of them."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.events import SilentReporter
from daemon.activity import Activity
from daemon.attempts import Attempt
from daemon.coalescing import DueRun
from daemon.loaded import Loaded
from daemon.metrics import Metrics
from daemon.reporters import Reporters
from daemon.runs import Runner
from daemon.upkeep import Upkeep
from daemon.watching import Watching
from sandbox.node import Sandbox
from tests.conftest import settings_text
from tests.faults.harness import Station


RUNS = int(os.environ.get("ALTERNATOR_BACKUP_TEST_RUNS", "14"))
WARM_UP = 8
"""Runs until every cache and pool is filled."""


def resident_bytes() -> int:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    """How many there are."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def running(loaded: Loaded) -> Iterator[Runner]:
    """What the daemon makes runs with, and all that hears of them, but for the log."""
    clock, cancel, metrics = SystemClock(), CancelToken(), Metrics(loaded.settings, SystemClock())
    activity = Activity(clock)
    reporter = Reporters(SilentReporter(), activity, metrics)
    watching = Watching(Upkeep(loaded, reporter, clock, cancel), metrics)
    yield Runner(
        loaded=lambda: loaded,
        reporter=reporter,
        observer=watching.observer,
        activity=activity,
        clock=clock,
        cancel=cancel,
    )
    watching.close()


@pytest.mark.slow
def test_memory_files_and_threads_stay_level(node: Sandbox, tmp_path: Path) -> None:
    """After the first runs no file or thread comes to stay, no garbage lies around, and memory grows by < 16 MiB."""
    station = Station(node, tmp_path)
    station.create("users")
    station.settings.write_text(
        settings_text(
            node, tmp_path, schedule__hourly='every = "1h"', repository__local="retention = { keep_last = 2 }"
        )
    )
    loaded = Loaded.load(station.settings)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    before = (0, 0, 0)
    with running(loaded) as runner:
        for number in range(RUNS):
            if number == WARM_UP:
                before = (open_files(), threading.active_count(), resident_bytes())
            run = DueRun(start + timedelta(hours=number), "backup", loaded.schedules)
            assert runner.attempt(Attempt.first(run, datetime.now(UTC))) is None
        files, threads, memory_bytes = before
        assert gc.collect() < 1000
        assert open_files() <= files
        assert threading.active_count() <= threads
        assert resident_bytes() - memory_bytes < 16 << 20
    assert len(station.listed()) == 2
    station.assert_clean()
