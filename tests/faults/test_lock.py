"""Two runs at a time."""

from sandbox.faults import Fault
from tests.faults.commands import Gate, assert_error, finish
from tests.faults.harness import SNAPSHOTS, Station


def test_a_table_that_is_being_backed_up_is_refused(station: Station) -> None:
    """The second run ends with 11 and harms nothing of the first, not even its snapshot; other tables aren't locked."""
    gate = Gate()
    station.node.faults.set(f"rest POST {SNAPSHOTS}", Fault("call", action=gate), containing="cf=orders")
    first = station.start("backup", "users", "orders")
    assert gate.reached.wait(30)
    snapshots = station.snapshots()
    assert len(snapshots) == 3

    second = station.run("backup", "users")
    assert_error(second, 11, "Table 'users' is being backed up or restored by another run.", "Wait")
    station.create("another")
    third = station.run("backup", "another")
    assert third.returncode == 0
    assert set(snapshots) <= set(station.snapshots())

    gate.open()
    assert finish(first).returncode == 0
    station.assert_clean()
    added = [listing.table for listing in station.listed() if listing not in station.known]
    assert added == ["another", "orders", "users"]


def test_a_run_waits_for_a_table_where_it_is_told_to(station: Station) -> None:
    """With --wait it begins when the other has ended, and both are stored."""
    gate = Gate()
    station.node.faults.set(f"rest POST {SNAPSHOTS}", Fault("call", action=gate), containing="cf=users")
    first = station.start("backup", "users")
    assert gate.reached.wait(30)

    short = station.run("backup", "--wait", "0.3", "users")
    assert_error(short, 11, "Table 'users' is being backed up or restored", "It has been so for 0.3 seconds.")
    second = station.start("backup", "--wait", "60", "users")
    gate.open()

    assert finish(first).returncode == 0
    assert finish(second).returncode == 0
    station.assert_clean()
    assert len([listing for listing in station.listed() if listing not in station.known]) == 2


def test_a_wait_that_is_no_number_is_refused(station: Station) -> None:
    """With one line that says so."""
    refused = station.run("backup", "--wait", "long", "users")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "'long' is no number of seconds" in refused.stderr
