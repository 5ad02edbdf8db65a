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
    assert_error(second, 11, "Table 'users' is being backed up by another run.", "Wait")
    station.create("another")
    third = station.run("backup", "another")
    assert third.returncode == 0
    assert set(snapshots) <= set(station.snapshots())

    gate.open()
    assert finish(first).returncode == 0
    station.assert_clean()
    added = [listing.table for listing in station.listed() if listing not in station.known]
    assert added == ["another", "orders", "users"]
