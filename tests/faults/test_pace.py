"""How many tables are stored at a time, when, and how fast."""

import os
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.errors import RunCancelledError
from backup_core.events import SilentReporter
from backup_core.floor import Floor
from backup_core.pipeline import backup_tables
from backup_core.repository.verification import DEEP, VerifyPass
from backup_core.throttle import Throttle
from daemon.loaded import Loaded
from daemon.settings_file import load_settings
from daemon.upkeep import Upkeep
from daemon.wiring import node_context
from sandbox.faults import Fault
from tests.conformance.dynamodb import client
from tests.faults.harness import SNAPSHOTS, Station


class Times(SilentReporter):
    """When each event of each table came."""

    def __init__(self) -> None:
        self.at_seconds: dict[tuple[str, str], float] = {}

    def event(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        self.at_seconds[name, fields.get("table", "")] = time.monotonic()


def make_large(station: Station) -> None:
    """Have 4 MiB in a table `large` that can't be compressed."""
    station.create("large")
    for number in range(20):
        item = {"pk": {"S": str(number)}, "data": {"B": os.urandom(200 << 10)}}
        client(station.node).put_item(TableName="large", Item=item)


def test_tables_are_stored_at_the_same_time(station: Station) -> None:
    """With `parallel_tables = 2` both are stored before the first is done with its snapshot."""
    both = threading.Barrier(2, timeout=20)
    station.node.faults.set(f"rest DELETE {SNAPSHOTS}", Fault("call", action=lambda: both.wait() and None))
    station.back_up("users", "orders", settings={"limits.parallel_tables": "2"})
    assert not both.broken


def test_a_delayed_table_has_its_snapshot_at_once(station: Station) -> None:
    """Only storing waits; a table that isn't delayed comes first."""
    times = Times()
    with node_context(load_settings(station.settings), times, CancelToken()) as context:
        result = backup_tables(context, ("users", "orders"), delays_seconds={"users": 1.0})
    assert [backup.table.name for backup in result.succeeded] == ["orders", "users"]
    at = times.at_seconds
    begun = at["run.started", ""]
    snapshot, orders = at["snapshot.taken", "users"], at["table.finished", "orders"]
    assert snapshot < orders < at["table.delayed", "users"] < at["archive.started", "users"]
    assert at["archive.started", "users"] - begun > 0.9


@dataclass(frozen=True, slots=True)
class FloorFromThenOn(Floor):
    """Stands for a disk that fills up: nothing has to stay free before an event, and all of it afterwards."""

    event: str = ""
    times: Times = field(default_factory=Times)

    def of(self, total_bytes: int) -> int:
        """What has to stay free."""
        return total_bytes if (self.event, "large") in self.times.at_seconds else 0


@pytest.mark.parametrize(("event", "delay_seconds"), [("table.delayed", 3600.0), ("archive.started", 0.0)])
def test_a_disk_that_fills_up_meanwhile(
    station: Station, monkeypatch: pytest.MonkeyPatch, event: str, delay_seconds: float
) -> None:
    """The snapshot, which may be what fills the disk, is cleared then: while its table waits, and while it is read."""
    make_large(station)
    monkeypatch.setenv("ALTERNATOR_BACKUP_LIMITS__READ_RATE", "1MiB")
    times = Times()
    with node_context(load_settings(station.settings), times, CancelToken()) as context:
        filling = replace(context, floor=FloorFromThenOn(event=event, times=times))
        result = backup_tables(filling, ("large",), delays_seconds={"large": delay_seconds})
    (failure,) = result.failed
    assert "the run was stopped" in failure.error.message
    assert ("snapshot.cleared", "large") in times.at_seconds
    assert ("archive.written", "large") not in times.at_seconds


def test_the_data_disk_is_read_no_faster_than_it_may(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """4 MiB at 4 MiB a second take at least a second from the archive's beginning to its end."""
    make_large(station)
    monkeypatch.setenv("ALTERNATOR_BACKUP_LIMITS__READ_RATE", "4MiB")
    times = Times()
    with node_context(load_settings(station.settings), times, CancelToken()) as context:
        assert backup_tables(context, ("large",)).failed == ()
    assert times.at_seconds["archive.written", "large"] - times.at_seconds["archive.started", "large"] > 0.9


def test_a_scheduled_verify_reads_no_faster_either(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be compressed is read back at the rate at which the data disk may be read."""
    make_large(station)
    station.back_up("large", settings={"limits.read_rate": "0"})
    size_bytes = station.repository().find("large").size_bytes
    assert size_bytes > 3 << 20
    monkeypatch.setenv("ALTERNATOR_BACKUP_LIMITS__READ_RATE", "4MiB")
    upkeep = Upkeep(Loaded.load(station.settings), SilentReporter(), SystemClock(), CancelToken())
    with upkeep.repositories() as stored_in:
        started = time.monotonic()
        assert upkeep.verify(stored_in, "large", DEEP, VerifyPass()) is None
    assert time.monotonic() - started > 0.9 * size_bytes / (4 << 20)


def test_waiting_for_the_throttle_ends_with_the_run() -> None:
    """A token that is set ends it at once."""
    cancel = CancelToken()
    throttle = Throttle(1 << 20, cancel)
    threading.Timer(0.1, cancel.set, (143,)).start()
    with pytest.raises(RunCancelledError):
        throttle.passed(1 << 30)


def test_idle_time_is_not_made_up_for() -> None:
    """After a pause the rate is what it was before it."""
    throttle = Throttle(10 << 20, CancelToken())
    time.sleep(0.3)
    started = time.monotonic()
    for _ in range(4):
        throttle.passed(1 << 20)
    assert time.monotonic() - started > 0.35


def test_settings_refuse_a_rate_that_is_none(station: Station, tmp_path: Path) -> None:
    """A rate below 1 MiB a second would never be done; what is no size is told as well."""
    for rate, words in (("10KiB", "less than 1MiB"), ("fast", "no size")):
        path = tmp_path / "settings.toml"
        path.write_text(station.settings.read_text().replace("[limits]", f'[limits]\nread_rate = "{rate}"'))
        result = station.run("settings", "check", "--settings", str(path))
        assert result.returncode == 78
        assert "limits.read_rate" in result.stderr
        assert words in result.stderr
