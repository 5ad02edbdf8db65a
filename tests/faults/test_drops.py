"""Snapshots of tables that are being dropped: to clear one then would end the node."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from backup_core.clock import SystemClock
from backup_core.context import Context
from backup_core.restore.scratch_clearing import clear_scratch
from backup_core.snapshot import clear_orphans, clear_snapshot, take_snapshot
from backup_core.table_id import get_table_id
from tests.faults.harness import Station


DROP_SECONDS = 0.7
SCRATCH = "abdrill_0badcafe_1733313018"


class HurriedClock(SystemClock):
    """A thousand seconds pass in each of this one."""

    def monotonic(self) -> float:
        """As fast as that."""
        return super().monotonic() * 1000


@pytest.fixture
def context(station: Station) -> Iterator[Context]:
    """What the library's functions get."""
    with station.context() as context:
        yield context


def leave(directory: Path) -> Path:
    """Put into a table's directory what a drop takes out of it at its end."""
    left = directory / "upload"
    left.mkdir(parents=True)
    return left


class Drop:
    """A drop that is under way: what tells is in the table's directory, and to disturb it ends the node."""

    def __init__(self, station: Station, directory: Path) -> None:
        self._dropping = station.node.data.dropping
        self._keyspace = directory.parent.name
        self._left = leave(directory)
        self._dropping.add(self._keyspace)

    def end(self) -> None:
        """It has come to its end."""
        self._dropping.remove(self._keyspace)
        self._left.rmdir()

    @contextmanager
    def ended_late(self) -> Iterator[None]:
        """It ends during the block."""
        timer = threading.Timer(DROP_SECONDS, self.end)
        timer.start()
        yield
        timer.join()


def assert_alive(station: Station) -> None:
    """The node still answers."""
    assert "orders" in station.dynamodb().list_tables()["TableNames"]


def test_the_node_aborted_when_a_snapshot_was_cleared_while_its_table_was_dropped(
    station: Station, context: Context
) -> None:
    """A client's DeleteTable comes in between: our snapshot is cleared once the node has dropped the table."""
    snapshot = take_snapshot(context, get_table_id(context, "users"))
    station.drop("users")
    with Drop(station, snapshot.directory.parents[1]).ended_late():
        clear_snapshot(context, snapshot)
    station.assert_clean()
    assert_alive(station)
    station.create("users")


def test_a_signal_while_a_table_is_dropped(station: Station, context: Context) -> None:
    """Nobody waits for the drop then: the snapshot stays in the journal, and the next run clears it."""
    snapshot = take_snapshot(context, get_table_id(context, "users"))
    station.drop("users")
    drop = Drop(station, snapshot.directory.parents[1])
    context.cancel.set(143)
    clear_snapshot(context, snapshot)
    assert snapshot.directory.exists()
    assert len(station.journalled()) == 1
    drop.end()
    with station.context() as later:
        assert clear_orphans(later) == 1
    station.assert_clean()
    assert_alive(station)
    station.create("users")


def test_what_a_crash_has_left_of_a_drop_is_waited_for_only_so_long(station: Station, context: Context) -> None:
    """Where nothing changes any more, a snapshot isn't kept for ever."""
    snapshot = take_snapshot(context, get_table_id(context, "users"))
    station.drop("users")
    leave(snapshot.directory.parents[1])
    clear_snapshot(replace(context, clock=HurriedClock()), snapshot)
    assert not snapshot.directory.exists()
    station.create("users")


def test_the_node_aborted_when_the_snapshot_of_a_drop_was_cleared_during_it(station: Station, context: Context) -> None:
    """Another node drops a scratch table of its own: what this leaves here is cleared once it is complete."""
    directory = station.node.data_directory / f"alternator_{SCRATCH}" / f"{SCRATCH}-{uuid.uuid1().hex}"
    (directory / "snapshots" / "pre-drop-1733313018000").mkdir(parents=True)
    with Drop(station, directory).ended_late():
        clear_scratch(context)
    assert not directory.exists()
    assert_alive(station)
