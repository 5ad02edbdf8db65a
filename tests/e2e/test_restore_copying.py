"""A table with LSIs of an older server comes back on a newer one item by item, also when it is interrupted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backup_core.restore.copying import SEGMENTS
from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.dynamodb import indexed_table
from tests.faults.commands import Gate, errors_of, until
from tests.faults.harness import Station


pytestmark = pytest.mark.slow


ITEMS = 120
STEPS = (
    "alternator CreateTable",
    "rest POST /storage_service/sstables",
    "alternator BatchWriteItem",
    "alternator DeleteTable",
)


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The repository of an older server: `users` has a GSI, an LSI and items of all types, some of them large."""
    directory = tmp_path_factory.mktemp("older")
    with Sandbox("6.2", directory=directory / "node") as node:
        station = Station(node, directory)
        station.dynamodb().create_table(**indexed_table("users"))
        for number in range(ITEMS):
            station.dynamodb().put_item(TableName="users", Item=item(number))
        station.back_up("users")
    return station.backups


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A newer server without tables."""
    with Sandbox("2026.1", directory=tmp_path / "node") as node:
        yield Station(node, tmp_path)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Holds requests up until the test ends."""
    gate = Gate()
    yield gate
    gate.open()


def item(number: int) -> dict[str, Any]:
    """An item that is in every index; every thirtieth has 300 KB."""
    some = {"L": [{"NULL": True}, {"BOOL": False}, {"BS": [b"a", b"\x80"]}]}
    nested = {"M": {"blob": {"B": b"\x00\xff"}, "list": some}}
    return {
        "pk": {"S": f"a{number}"},
        "sk": {"S": "ü"},
        "age": {"N": str(number)},
        "day": {"S": "c"},
        "nested": nested,
        "set": {"NS": ["1", "2.5"]},
        "text": {"S": "x" * (300_000 if number % 30 == 0 else 3)},
    }


def items(station: Station, **more: Any) -> dict[str, Any]:
    """All items of the restored table or an index, by partition key; sets without order."""
    found: dict[str, Any] = {}
    for page in station.dynamodb().get_paginator("scan").paginate(TableName="users", **more):
        for each in page["Items"]:
            each["set"]["NS"].sort()
            each["nested"]["M"]["list"]["L"][2]["BS"].sort()
            found[each["pk"]["S"]] = each
    return found


def assert_restored(station: Station) -> None:
    """All items are as they were, in the table and its indexes; no scratch table, snapshot or record is left."""
    expected = {f"a{number}": item(number) for number in range(ITEMS)}
    assert items(station) == expected
    assert items(station, IndexName="by_age") == expected
    assert items(station, IndexName="by_day") == expected
    assert station.dynamodb().list_tables()["TableNames"] == ["users"]
    assert list(station.node.data_directory.glob("alternator_abdrill_*/*/snapshots/*")) == []
    assert list((station.directory / "state" / "restores").glob("*")) == []


def test_items_are_copied_through_a_scratch_table(station: Station, backed_up: Path) -> None:
    """The plan says so; what the node doesn't take at once is written again, and all comes back."""
    (plan,) = json.loads(station.run("restore", "users", "--from", str(backed_up), "--plan", "--json").stdout)
    assert plan["way"] == "copy_items"
    failure = Fault("error", answer=(500, '{"__type":"InternalServerError"}'))
    station.node.faults.set("alternator BatchWriteItem", failure, times=3)
    result = station.run("restore", "users", "--from", str(backed_up))
    assert result.returncode == 0, result.stderr
    assert f"Copied {ITEMS} items into users, 16 of 16 segments done" in result.stderr
    assert_restored(station)


@pytest.mark.parametrize("endpoint", STEPS)
def test_killed_anywhere_the_same_command_goes_on(station: Station, backed_up: Path, gate: Gate, endpoint: str) -> None:
    """What was copied before isn't copied again, but for the page that was under way."""
    station.node.faults.set(endpoint, Fault("call", action=gate), times=1)
    process = station.start("restore", "users", "--from", str(backed_up))
    assert gate.reached.wait(30)
    process.kill()
    process.communicate()
    gate.open()
    result = station.run("restore", "users", "--from", str(backed_up))
    assert result.returncode == 0, result.stderr
    assert errors_of(result) == []
    assert_restored(station)


def test_segments_that_were_copied_were_copied_again(station: Station, backed_up: Path, gate: Gate) -> None:
    """Killed in the last of all segments, the same command copies that one, and leaves the others alone."""
    station.node.faults.set("alternator BatchWriteItem", Fault("call", action=gate), times=1)
    process = station.start("restore", "users", "--from", str(backed_up))
    assert gate.reached.wait(30)
    positions = station.directory / "state" / "restores" / "users.positions"
    until(lambda: sum(json.loads(path.read_bytes())["done"] for path in positions.glob("*.json")) == SEGMENTS - 1)
    process.kill()
    process.communicate()
    copied = set(items(station))
    assert 0 < len(copied) < ITEMS
    for key in copied:
        changed = {**item(int(key[1:])), "text": {"S": "written meanwhile"}}
        station.dynamodb().put_item(TableName="users", Item=changed)
    gate.open()
    result = station.run("restore", "users", "--from", str(backed_up))
    assert result.returncode == 0, result.stderr
    assert f"Copied {ITEMS} items into users, {SEGMENTS} of {SEGMENTS} segments done" in result.stderr
    found = items(station)
    assert found.keys() == {f"a{number}" for number in range(ITEMS)}
    assert {key for key, each in found.items() if each["text"] == {"S": "written meanwhile"}} == copied


def test_items_that_were_copied_overwrote_what_clients_wrote_since(
    station: Station, backed_up: Path, gate: Gate
) -> None:
    """Killed after the copying, the same command ends the work and leaves alone what is newer than the copy."""
    station.node.faults.set("alternator DescribeTimeToLive", Fault("call", action=gate), times=1)
    process = station.start("restore", "users", "--from", str(backed_up))
    assert gate.reached.wait(30)
    process.kill()
    process.communicate()
    gate.open()
    changed = {**item(1), "text": {"S": "written meanwhile"}}
    station.dynamodb().put_item(TableName="users", Item=changed)
    result = station.run("restore", "users", "--from", str(backed_up))
    assert result.returncode == 0, result.stderr
    assert items(station)["a1"]["text"] == {"S": "written meanwhile"}
