"""Backups whose snapshots are taken with nodetool."""

import json
from collections.abc import Iterator

import pytest

from sandbox.faults import Fault
from tests.faults.harness import SNAPSHOTS, Station
from tests.nodetool import nodetool_command


POST = f"rest POST {SNAPSHOTS}"


@pytest.fixture(autouse=True)
def with_nodetool(station: Station) -> Iterator[None]:
    """The station's settings say so."""
    before = station.settings.read_text()
    command = json.dumps(nodetool_command(station.node))
    lines = f'[node]\nsnapshots = "nodetool"\nnodetool = {command}'
    station.settings.write_text(before.replace("[node]", lines))
    yield
    station.settings.write_text(before)


def test_a_backup_is_made_with_nodetool(station: Station) -> None:
    """Tables, one with a dot in its name, are backed up through it; snapshots and journal are gone afterwards."""
    station.create("one.dot")
    asked: list[str] = []
    # Only nodetool says whether to flush.
    station.node.faults.set(POST, Fault("call", action=lambda: asked.append("sf")), containing="sf=false")
    station.back_up("users", "one.dot")
    assert len(asked) == 2


def test_a_snapshot_that_comes_after_nodetool_was_killed_is_used(station: Station) -> None:
    """Past its time nodetool is killed, the snapshot comes all the same, and the backup succeeds."""
    station.node.faults.set(POST, Fault("late", seconds=2), times=1)
    result = station.run("backup", "users", settings={"node.snapshot_timeout_seconds": "1.5"})
    assert result.returncode == 0, result.stderr
    assert "came late" in result.stderr
    station.assert_clean()


def test_a_refusal_ends_the_backup_with_the_nodes_words(station: Station) -> None:
    """What the node says no with is told, and nothing is left."""
    station.node.faults.set(POST, Fault("error", (500, "std::bad_alloc (std::bad_alloc)")))
    station.assert_refused("users", 69, "The node refuses: std::bad_alloc (std::bad_alloc)")


def test_a_snapshot_that_is_not_ours_is_never_cleared(station: Station) -> None:
    """A tag that somebody else has used ends with 69, and their snapshot stays."""
    station.take_foreign_snapshot("users", "1733313018")
    elsewhere = {"node.data_dirs": str(station.directory)}
    station.assert_refused("users", 69, "snapshot 1733313018", "isn't ours", tag="1733313018", settings=elsewhere)


def test_a_missing_command_leaves_nothing_behind(station: Station) -> None:
    """Without the program no snapshot was taken: exit code 78, and the journal is empty again."""
    missing = {"node.nodetool": "/no/such/nodetool"}
    station.assert_refused("users", 78, "/no/such/nodetool", "node.nodetool", settings=missing)


def test_the_snapshot_of_a_dropped_table_is_cleared(station: Station) -> None:
    """Where the keyspace is gone nodetool clears nothing; the snapshot is cleared all the same."""
    station.create("passing")
    station.node.faults.set(POST, Fault("call", action=lambda: station.drop("passing")), containing="cf=orders")
    station.back_up("passing", "orders")
    assert list(station.node.data_directory.glob("alternator_passing/*/snapshots/pre-drop-*"))
