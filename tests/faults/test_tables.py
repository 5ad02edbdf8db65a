"""Tables that aren't there, or not any more."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.faults.commands import assert_error
from tests.faults.harness import Station


STEPS = {
    "before-id": "cql SELECT id FROM system_schema.tables",
    "before-description": "alternator DescribeTable",
    "before-ddl": "cql DESCRIBE TABLE",
    "before-keyspace": "cql DESCRIBE KEYSPACE",
    "before-views": "cql SELECT view_name",
    "before-tags": "alternator ListTagsOfResource",
    "before-ttl": "alternator DescribeTimeToLive",
    "before-columns": "cql SELECT table_name",
    "before-replication": "cql SELECT replication",
    "before-ring": "rest GET /storage_service/describe_ring",
    "before-snapshot": "rest POST /storage_service/snapshots",
}
"""Tables by the request before which they vanish."""


def on_request(station: Station, name: str, action: Callable[[], None]) -> None:
    """Do something just before the node answers the request that a table of `STEPS` is named after."""
    station.node.faults.set(STEPS[name], Fault("call", action=action), times=1, containing=name)


def test_a_table_that_is_not_there_names_what_comes_close(station: Station) -> None:
    """A name that no table has ends with 10, and names tables that read alike, or the way to see them all."""
    station.assert_failed(station.run("backup", "usres"), 10, "Table 'usres' not found. Did you mean users")
    expected = {
        "Users": ("Table 'Users' not found. Did you mean users",),
        "alternator_users": ("Table 'alternator_users' not found. Did you mean users?",),
        "zzz": ("Table 'zzz' not found. The menu and `backup --all` show what there is.",),
    }
    result = station.run("backup", *expected)
    station.assert_all_failed(result, 10, expected)
    assert "3 of 3 tables failed: Users, alternator_users, zzz" in result.stderr


def test_a_node_without_tables_is_no_success(node: Sandbox, tmp_path: Path) -> None:
    """`backup --all` ends with 10 where there is no table at all."""
    station = Station(node, tmp_path)
    station.assert_failed(station.run("backup", "--all"), 10, "No tables found.", "Alternator enabled")


@pytest.mark.parametrize("station", ["6.2", "2026.1"], indirect=True)
def test_a_table_that_is_dropped_before_its_snapshot_is_not_found(station: Station) -> None:
    """Before whichever request a table vanishes, its backup ends with 10, says so, and leaves nothing."""
    station.create(*STEPS)
    for name in STEPS:
        on_request(station, name, partial(station.drop, name))
    expected = {name: (f"Table '{name}' was dropped while it was backed up.",) for name in STEPS}
    expected |= {name: (f"Table '{name}' not found.",) for name in ("before-id", "before-description")}
    station.assert_all_failed(station.run("backup", *STEPS), 10, expected)


@pytest.mark.parametrize("station", ["6.2", "2026.1"], indirect=True)
def test_a_table_that_is_dropped_after_its_snapshot_is_backed_up(station: Station) -> None:
    """The snapshot outlives its table, so the backup completes; the node's own `pre-drop` snapshot stays."""
    station.create("passing")
    dropping = Fault("call", action=lambda: station.drop("passing"))
    station.node.faults.set(STEPS["before-snapshot"], dropping, containing="cf=orders")
    station.back_up("passing", "orders")
    assert list(station.node.data_directory.glob("alternator_passing/*/snapshots/pre-drop-*"))


def test_a_table_that_is_created_anew_meanwhile_is_another_one(station: Station) -> None:
    """A table that was dropped and created again under the run is not passed off as the one that it began with."""
    names = ("before-description", "before-ddl", "before-snapshot")
    station.create(*names)

    def replace(name: str) -> None:
        station.drop(name)
        station.create(name)

    for name in names:
        on_request(station, name, partial(replace, name))
    expected = {name: (f"Table '{name}' was created anew while it was backed up.",) for name in names}
    station.assert_all_failed(station.run("backup", *names), 10, expected)


def test_a_batch_goes_on_after_a_table_that_fails(station: Station) -> None:
    """With one table dropped midway the others are backed up; 3 is returned and the summary names the one."""
    name = "before-snapshot"
    station.create(name)
    on_request(station, name, lambda: station.drop(name))
    result = station.run("backup", name, "users", "orders")
    assert_error(result, 3, name)
    assert f"1 of 3 tables failed: {name}" in result.stderr
    station.assert_clean()
    assert len(station.listed()) == len(station.known) + 2
