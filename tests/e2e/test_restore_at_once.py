"""Tables on tablets whose names are used again at once: their indexes get active, or the restore says which don't."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import indexed_table
from tests.conftest import settings_text
from tests.faults.commands import Finished, assert_error
from tests.faults.harness import Station


pytestmark = pytest.mark.slow


ITEMS = 12
FOR_GOOD_SECONDS = 3600
IN_LIFE = {"node.index_memory_seconds": "300"}
"""The setting's default."""
LONGER_THAN_A_PAUSE_SECONDS = 6.0


@pytest.fixture
def station(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Station]:
    """A node that remembers dropped indexes for as long as nobody should use their names again, and a backup."""
    changes: dict[str, Any] = {"index_memory_seconds": 2.0} | getattr(request, "param", {})
    with Sandbox("2026.1", directory=tmp_path / "node", **changes) as node:
        station = Station(node, tmp_path)
        station.settings.write_text(settings_text(node, tmp_path))
        station.dynamodb().create_table(**indexed_table("users"))
        for number in range(ITEMS):
            item = {"pk": {"S": f"a{number}"}, "sk": {"S": "b"}, "age": {"N": str(number)}, "day": {"S": "c"}}
            station.dynamodb().put_item(TableName="users", Item=item)
        station.back_up("users")
        yield station


def restored_at_once(station: Station, settings: dict[str, str]) -> Finished:
    """Delete the table, and restore it without a pause."""
    station.drop("users")
    return station.run("restore", "users", settings=settings)


def index(station: Station) -> dict[str, Any]:
    """What DescribeTable tells of the table's GSI."""
    (described,) = station.dynamodb().describe_table(TableName="users")["Table"]["GlobalSecondaryIndexes"]
    return dict(described)


@pytest.mark.parametrize("station", [{"auto_snapshot": True}, {"auto_snapshot": False}], indirect=True)
def test_indexes_stayed_creating_when_a_table_was_restored_at_once(station: Station) -> None:
    """A restore right after DeleteTable ends with active indexes, whether or not the drop has left a snapshot."""
    result = restored_at_once(station, IN_LIFE)
    assert result.returncode == 0, result.stderr
    assert index(station)["IndexStatus"] == "ACTIVE"


def test_a_second_drill_found_its_indexes_creating(station: Station) -> None:
    """Drills of one backup have one scratch name: the second, right after the first, is as good."""
    for _ in range(2):
        result = station.run("drill", "users", settings=IN_LIFE)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("station", [{"index_memory_seconds": LONGER_THAN_A_PAUSE_SECONDS}], indirect=True)
def test_indexes_stayed_empty_when_other_tables_had_been_dropped_just_before(station: Station) -> None:
    """A node that has much to forget takes longer; the restore waits until it has, and every index is full."""
    station.dynamodb().create_table(**indexed_table("other"))
    station.drop("other")
    result = restored_at_once(station, IN_LIFE)
    assert result.returncode == 0, result.stderr
    found = station.dynamodb().scan(TableName="users", IndexName="by_age", Select="COUNT")["Count"]
    assert (found, index(station)["IndexStatus"]) == (ITEMS, "ACTIVE")
    assert station.dynamodb().list_tables()["TableNames"] == ["users"]


@pytest.mark.parametrize("station", [{"index_memory_seconds": FOR_GOOD_SECONDS}], indirect=True)
def test_an_index_that_never_gets_active_is_named(station: Station) -> None:
    """It is full, and stays CREATING: exit code 3, and a line that says which index it is and what to do."""
    result = restored_at_once(station, {"node.index_memory_seconds": "0"})
    assert_error(result, 3, "Table 'users' is there and proven", "1 thing(s) are left")
    (left,) = (line for line in result.stderr.splitlines() if "Left to do" in line)
    assert "Index by_age is told as CREATING" in left
    assert "delete the table, raise node.index_memory_seconds, and restore it again" in left
    found = station.dynamodb().scan(TableName="users", IndexName="by_age", Select="COUNT")["Count"]
    assert (found, index(station)["IndexStatus"]) == (ITEMS, "CREATING")
