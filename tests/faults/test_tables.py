"""Tables that aren't there, or not any more."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.faults.harness import Station, assert_error


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
    several = station.run("backup", "Users", "alternator_users", "zzz")
    assert several.returncode == 10
    for hint in (
        "Table 'Users' not found. Did you mean users",
        "Table 'alternator_users' not found. Did you mean users?",
        "Table 'zzz' not found. The menu and `backup --all` show what there is.",
    ):
        assert hint in several.stderr


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
    result = station.run("backup", *STEPS)
    assert result.returncode == 10
    errors = sorted(line.partition("ERROR - ")[2] for line in result.stderr.splitlines() if "ERROR - " in line)
    first, second = "Table 'before-id' not found.", "Table 'before-description' not found."
    expected = [first, second, *(f"Table '{name}' was dropped while it was backed up." for name in list(STEPS)[2:])]
    assert [error[: len(start)] for error, start in zip(errors, sorted(expected), strict=True)] == sorted(expected)
    station.assert_clean()
    assert station.listed() == station.known


@pytest.mark.parametrize("station", ["6.2", "2026.1"], indirect=True)
def test_a_table_that_is_dropped_after_its_snapshot_is_backed_up(station: Station) -> None:
    """The snapshot outlives its table, so the backup completes; the node's own `pre-drop` snapshot stays."""
    station.create("passing")

    def drop_once_there_is_a_snapshot() -> None:
        if station.snapshots() and "passing" in station.node.catalog.tables:
            station.drop("passing")

    station.node.faults.set("rest GET", Fault("call", action=drop_once_there_is_a_snapshot))
    station.back_up("passing")
    assert "passing" not in station.node.catalog.tables
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
    result = station.run("backup", *names)
    assert result.returncode == 10
    for name in names:
        assert f"ERROR - Table '{name}' was created anew while it was backed up." in result.stderr
    station.assert_clean()
    assert station.listed() == station.known


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


def test_a_batch_in_which_all_fail_alike_has_their_code(station: Station) -> None:
    """Where every table fails for the same reason, that reason's code is returned."""
    result = station.run("backup", "nobody", "noone")
    assert result.returncode == 10
    assert "2 of 2 tables failed: nobody, noone" in result.stderr
    station.assert_clean()
