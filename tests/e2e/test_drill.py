"""Drills: a backup comes back under a scratch name, is proven, and nothing of it stays, however the drill ends."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.faults.commands import Gate, assert_error, finish, until
from tests.faults.harness import Station


pytestmark = pytest.mark.slow


@pytest.fixture
def station(node: Sandbox, tmp_path: Path) -> Station:
    """A node with `users`, which has indexes, and `orders`; both are backed up under one tag."""
    station = Station(node, tmp_path)
    station.create("users", "orders")
    for number in range(30):
        item = {"pk": {"S": f"a{number}"}, "sk": {"S": "b"}, "age": {"N": str(number)}, "day": {"S": "c"}}
        station.dynamodb().put_item(TableName="users", Item=item)
    station.back_up()
    return station


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Holds requests up until the test ends."""
    gate = Gate()
    yield gate
    gate.open()


def assert_nothing_left(station: Station) -> None:
    """No scratch table, none of its snapshots, no record, no staged file."""
    assert sorted(station.dynamodb().list_tables()["TableNames"]) == ["orders", "users"]
    assert list(station.node.data_directory.glob("alternator_abdrill_*/*/snapshots/*")) == []
    assert list((station.directory / "state" / "restores").glob("*")) == []
    assert list(station.node.data_directory.parent.glob("alternator-backup-staging/*")) == []


def drilled(station: Station, *arguments: str) -> dict[str, object]:
    """What a drill that passes says."""
    result = station.run("drill", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    assert_nothing_left(station)
    told: dict[str, object] = json.loads(result.stdout)
    return told


@pytest.mark.parametrize("node", ["6.2", "2026.1"], indirect=True)
def test_a_drill_proves_a_backup_and_leaves_nothing(station: Station) -> None:
    """It counts, compares with the live table, tells how long a restore takes; listings, `show` and `status` know."""
    dynamodb = station.dynamodb()
    dynamodb.delete_item(TableName="users", Key={"pk": {"S": "a1"}, "sk": {"S": "b"}})
    changed = {"pk": {"S": "a2"}, "sk": {"S": "b"}, "age": {"N": "99"}, "day": {"S": "c"}}
    dynamodb.put_item(TableName="users", Item=changed)
    told = drilled(station, "users")
    assert (told["good"], told["items"], told["index_items"]) == (True, 31, {"by_age": 31, "by_day": 31})
    assert told["sample"] == {"same": 29, "changed": 1, "missing": 1, "not_compared": ""}
    assert isinstance(told["restore_seconds"], float)
    listed = {backup["table"]: backup for backup in json.loads(station.run("list", "--json").stdout)}
    assert listed["users"]["verified"]["restored"] is not None
    assert listed["orders"]["verified"]["restored"] is None
    shown = station.run("show", "users").stdout
    assert "29 are the same, 1 differ and 1 are not there" in shown
    (status,) = json.loads(station.run("status", "--json").stdout)["drills"]
    assert (status["table"], status["problems"]) == ("users", [])
    assert "last good drill" in station.run("check").stdout
    station.assert_sound()


def test_drills_take_turns(station: Station) -> None:
    """Each time it is the table whose drill is the longest ago, of those that match and aren't too large."""
    assert [drilled(station)["table"] for _ in range(3)] == ["orders", "users", "orders"]
    assert drilled(station, "u*", "o*", "--exclude", "users")["table"] == "orders"
    none = station.run("drill", "--max-size", "1")
    assert_error(none, 10, "no table to drill", "limits.drill_size")
    assert "Left out: users" in none.stderr


@pytest.mark.parametrize(
    "endpoint",
    ["alternator CreateTable", "rest POST /storage_service/sstables", "alternator GetItem", "alternator DeleteTable"],
)
def test_what_a_killed_drill_has_left_is_cleared(station: Station, gate: Gate, endpoint: str) -> None:
    """Killed anywhere, the next drill clears its scratch table and that one's snapshot, and passes."""
    station.node.faults.set(endpoint, Fault("call", action=gate), times=1)
    process = station.start("drill", "users")
    assert gate.reached.wait(30)
    process.kill()
    process.communicate()
    gate.open()
    assert drilled(station, "users")["good"] is True


def test_ctrl_c_leaves_nothing(station: Station, gate: Gate) -> None:
    """A drill that is interrupted drops its scratch table first."""
    station.node.faults.set("alternator GetItem", Fault("call", action=gate), times=1)
    process = station.start("drill", "users")
    assert gate.reached.wait(30)
    process.send_signal(signal.SIGINT)
    assert finish(process).returncode == 130
    gate.open()
    assert_nothing_left(station)


def test_a_backup_that_does_not_load_fails_the_drill(station: Station) -> None:
    """It is one ERROR line, nothing stays, and `status` and `check` tell of it until a drill is good again."""
    station.node.faults.set("rest POST /storage_service/sstables", Fault("error", answer=(500, "broken")))
    assert_error(station.run("drill", "users"), 69, "broken")
    assert_nothing_left(station)
    (status,) = json.loads(station.run("status", "--json").stdout)["drills"]
    assert (status["table"], status["last_good_at"]) == ("users", None)
    assert "broken" in status["problems"][0]
    check = station.run("check")
    assert (check.returncode, "last drill of users failed" in check.stdout) == (1, True)
    station.node.faults.clear()
    drilled(station, "users")
    assert station.run("check").returncode == 0


def test_the_daemon_drills_by_schedule_and_clears_up_at_its_start(station: Station, gate: Gate) -> None:
    """Where it may write into the node's directories it drills itself; what a killed drill left goes when it starts."""
    station.node.faults.set("alternator GetItem", Fault("call", action=gate), times=1)
    process = station.start("drill", "users")
    assert gate.reached.wait(30)
    process.kill()
    process.communicate()
    gate.open()
    with station.settings.open("a") as settings:
        settings.write('[schedule.drills]\nevery = "2s"\nwhat = "drill"\n')
    daemon = station.start("run", settings={"metrics.listen": ""})
    records = station.directory / "state" / "drills"
    until(lambda: {path.name for path in records.glob("*.json")} == {"orders.json", "users.json"})
    daemon.send_signal(signal.SIGTERM)
    ended = finish(daemon)
    assert ended.returncode == 0, ended.stderr
    assert "restore.scratch_dropped" in ended.stderr
    assert_nothing_left(station)
    runs = json.loads(station.run("status", "--json").stdout)["schedules"]
    assert [(run["schedule"], run["what"]) for run in runs] == [("drills", "drill")]
