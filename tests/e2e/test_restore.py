"""A table's way back through the command line: in place, under another name, instead of another, and interrupted."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.dynamodb import indexed_table
from tests.conftest import Cli
from tests.faults.commands import Finished, Gate, assert_error, errors_of, finish
from tests.faults.harness import Station


ITEMS = 12

CREATE = "alternator CreateTable users"
LOAD = "rest POST /storage_service/sstables"
SNAPSHOT = "rest POST /storage_service/snapshots"


@pytest.fixture
def station(node: Sandbox, tmp_path: Path) -> Station:
    """A node whose table `users` has items, indexes, tags and a time to live, all of it backed up."""
    station = Station(node, tmp_path)
    dynamodb = station.dynamodb()
    made = dynamodb.create_table(**indexed_table("users"), Tags=[{"Key": "team", "Value": "blue"}])
    arn = dynamodb.describe_table(TableName="users")["Table"]["TableArn"]
    assert made["TableDescription"]["TableName"] == "users"
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    for number in range(ITEMS):
        put(station, "users", number)
    ttl = {"Enabled": True, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName="users", TimeToLiveSpecification=ttl)
    station.back_up("users")
    return station


def put(station: Station, table: str, number: int) -> None:
    """Write an item that is in every index."""
    item = {"pk": {"S": f"a{number}"}, "sk": {"S": "b"}, "age": {"N": str(number)}, "day": {"S": "c"}}
    station.dynamodb().put_item(TableName=table, Item=item)


def keys(station: Station, table: str, **more: Any) -> set[str]:
    """Partition keys of all items of a table or an index."""
    return {item["pk"]["S"] for item in station.dynamodb().scan(TableName=table, **more)["Items"]}


def assert_restored(station: Station, result: Finished, table: str) -> None:
    """The command says that all is proven, and so it is: items, indexes, tags, time to live; nothing is left over."""
    assert result.returncode == 0, result.stderr
    assert errors_of(result) == []
    expected = {f"a{number}" for number in range(ITEMS)}
    assert keys(station, table) == expected
    assert keys(station, table, IndexName="by_age") == expected
    assert keys(station, table, IndexName="by_day") == expected
    dynamodb = station.dynamodb()
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    tags = {tag["Key"]: tag["Value"] for tag in dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]}
    assert {"team": "blue", "stage": "test"}.items() <= tags.items()
    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    assert_nothing_left(station)


def assert_nothing_left(station: Station) -> None:
    """No record, no staged file, nothing in any `upload/`."""
    assert list((station.directory / "state" / "restores").glob("*")) == []
    assert list(station.node.data_directory.parent.glob("alternator-backup-staging/*")) == []
    assert list(station.node.data_directory.glob("*/*/upload/*")) == []


@pytest.mark.parametrize("node", ["6.2", "2026.1"], indirect=True)
def test_a_dropped_table_comes_back(station: Station) -> None:
    """After DeleteTable one command brings back all that a client can see; `show` has the proof from then on."""
    station.drop("users")
    assert_restored(station, station.run("restore", "users"), "users")
    shown = json.loads(station.run("show", "users", "--json").stdout)["restored"]
    assert shown["proven"] is True
    assert shown["items"] == ITEMS
    assert "same" in station.run("show", "users").stdout
    station.assert_sound()


def test_a_copy_beside_the_table(station: Station) -> None:
    """With --as the table stays as it is, and the copy has what the backup has, not what came later."""
    put(station, "users", ITEMS)
    result = station.run("restore", "users", "--as", "copy", "--json")
    assert json.loads(result.stdout)[0]["target"] == "copy"
    assert_restored(station, result, "copy")
    assert f"a{ITEMS}" in keys(station, "users")


def test_a_plan_changes_nothing(station: Station) -> None:
    """--plan prints every request, also as JSON, and makes none."""
    text = station.run("restore", "users", "--as", "copy", "--plan")
    assert text.returncode == 0, text.stderr
    for word in ("CreateTable", "load_and_stream", "UpdateTimeToLive", "100 %"):
        assert word in text.stdout
    (plan,) = json.loads(station.run("restore", "users", "--as", "copy", "--plan", "--json").stdout)
    assert plan["target"] == "copy"
    assert station.dynamodb().list_tables()["TableNames"] == ["users"]
    assert_nothing_left(station)


def test_a_backup_takes_a_tables_place(station: Station) -> None:
    """--replace backs up what is there, rehearses, and puts the named backup in its place; no scratch table stays."""
    (tag,) = (listing.tag for listing in station.listed())
    put(station, "users", ITEMS)
    result = station.run("restore", "users", "--run", tag, "--replace", "--rehearse", "--yes")
    assert_restored(station, result, "users")
    safety, first = station.listed()
    assert first.tag == tag
    assert_restored_items(station, safety.tag, ITEMS + 1)
    assert list(station.node.data_directory.glob("alternator_abdrill_*/*/snapshots/*")) == []


def assert_restored_items(station: Station, tag: str, items: int) -> None:
    """A backup has so many items."""
    result = station.run("restore", "users", "--run", tag, "--as", "looked_at", "--json")
    assert json.loads(result.stdout)[0]["items"] == items


def test_a_rehearsal_that_proves_nothing_deletes_nothing(station: Station) -> None:
    """Where the rehearsal fails the table stays, with one line that says so."""
    station.node.faults.set(LOAD, Fault("error", answer=(500, "broken")))
    result = station.run("restore", "users", "--replace", "--rehearse", "--yes")
    assert_error(result, 69, "was not touched", "--run")
    station.node.faults.clear()
    assert keys(station, "users") == {f"a{number}" for number in range(ITEMS)}
    assert station.dynamodb().list_tables()["TableNames"] == ["users"]
    assert_nothing_left(station)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Holds requests up until the test ends."""
    gate = Gate()
    yield gate
    gate.open()


def kill_at(station: Station, gate: Gate, endpoint: str, *arguments: str) -> None:
    """Kill a command while a request of it is under way, which the node then carries out, heard by nobody."""
    station.node.faults.set(endpoint, Fault("call", action=gate), times=1)
    process = station.start(*arguments)
    assert gate.reached.wait(30)
    process.kill()
    finish(process)
    gate.open()


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", [CREATE, LOAD, "alternator Scan"])
def test_killed_and_run_again(station: Station, gate: Gate, endpoint: str) -> None:
    """Killed while any of its requests is under way, the same command run again ends the work."""
    station.drop("users")
    kill_at(station, gate, endpoint, "restore", "users")
    assert_restored(station, station.run("restore", "users"), "users")


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", [SNAPSHOT, "alternator DeleteTable", CREATE])
def test_a_killed_replacement_run_again(station: Station, gate: Gate, endpoint: str) -> None:
    """It ends with the backup that it began with, though the safety backup of the first try is newer."""
    put(station, "users", ITEMS)
    kill_at(station, gate, endpoint, "restore", "users", "--replace", "--yes")
    assert_restored(station, station.run("restore", "users", "--replace", "--yes"), "users")


@pytest.mark.slow
def test_a_replacement_that_is_killed_twice(station: Station, gate: Gate) -> None:
    """Killed behind DeleteTable and again before CreateTable, it still ends with the backup that it began with."""
    put(station, "users", ITEMS)
    command = ("restore", "users", "--replace", "--yes")
    kill_at(station, gate, "alternator DeleteTable users", *command)
    station.node.faults.set(CREATE, Fault("hang"))
    process = station.start(*command)
    record = station.directory / "state" / "restores" / "users.json"
    former = record.stat().st_ino
    deadline = time.monotonic() + 30
    while record.stat().st_ino == former and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    finish(process)
    station.node.faults.clear()
    assert_restored(station, station.run(*command), "users")


REFUSED = Fault("error", answer=(400, {"__type": "x#AccessDeniedException", "message": "denied to role x"}))


@pytest.mark.parametrize("endpoint", ["alternator CreateTable", "alternator DeleteTable users"])
def test_a_role_that_may_not_replaces_nothing(station: Station, endpoint: str) -> None:
    """Where tables can't be created or dropped the table stays, and nothing of the try is remembered."""
    put(station, "users", ITEMS)
    station.node.faults.set(endpoint, REFUSED)
    result = station.run("restore", "users", "--replace", "--yes")
    assert_error(result, 77, "denied to role x", "'users' was not touched")
    assert len(keys(station, "users")) == ITEMS + 1
    assert_nothing_left(station)


@pytest.mark.slow
def test_a_half_made_table_is_not_backed_up(station: Station, gate: Gate) -> None:
    """No empty backup becomes the newest one when a replacement is run again that was killed during CreateTable."""
    kill_at(station, gate, CREATE, "restore", "users", "--replace", "--yes")
    before = [listing.tag for listing in station.listed()]
    assert_restored(station, station.run("restore", "users", "--replace", "--yes"), "users")
    assert [listing.tag for listing in station.listed()] == before


@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on(station: Station, gate: Gate) -> None:
    """Ctrl-C ends it with 130 and one line: a restore was interrupted, its table isn't finished, and how to end it.

    Only the same backup may end it.
    """
    station.drop("users")
    station.node.faults.set("alternator UpdateTimeToLive", Fault("call", action=gate), times=1)
    process = station.start("restore", "users")
    assert gate.reached.wait(30)
    process.send_signal(signal.SIGINT)
    result = finish(process)
    gate.open()
    assert result.returncode == 130, result.stderr
    assert errors_of(result) == []
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Restore interrupted by user. Table 'users'")
    assert "run the same command again" in last
    other = station.run("backup", "users")
    assert other.returncode == 0, other.stderr
    newest = max(listing.tag for listing in station.listed())
    assert_error(station.run("restore", "users", "--run", newest), 69, "begun by another restore")
    assert_restored(station, station.run("restore", "users"), "users")


WRONG_INPUTS = {
    ("users",): (69, "exists", "--as", "--replace"),
    ("uesrs",): (10, "uesrs", "users"),
    ("users", "--as", "abdrill_copy"): (69, "scratch tables"),
    ("users", "--as", "a/b"): (69, "users can't be restored as 'a/b': the name of a table has 3 to 222 of a-z,"),
    ("users", "--as", "copy", "--from", "node"): (10, "node is no repository"),
    ("users", "--as", "copy", "--expect-manifest", "0" * 64): (1, "not the expected one"),
}


def test_wrong_input(station: Station) -> None:
    """What can't be restored is one clear line with the exit code of its kind, and nothing has changed."""
    for arguments, (exit_code, *words) in WRONG_INPUTS.items():
        assert_error(station.run("restore", *arguments), exit_code, *words)
    assert station.dynamodb().list_tables()["TableNames"] == ["users"]
    assert_nothing_left(station)


def test_wrong_usage(cli: Cli) -> None:
    """Options that don't go together are one line and exit code 2; nobody is asked where nobody sits."""
    for arguments in (("users", "--all"), ("users", "--rehearse"), ("users", "--replace"), ("--all", "--replace")):
        result = cli("restore", *arguments)
        assert result.returncode == 2, (arguments, result.stderr)
        assert len(result.stderr.splitlines()) == 1


def test_the_plan_of_a_replacement_hid_what_comes_before(station: Station) -> None:
    """It tells the safety backup, what comes under a scratch name, and DeleteTable, in their order."""
    plan = ("restore", "users", "--replace", "--plan", "--json")
    (plain,), (rehearsed,) = (json.loads(station.run(*plan, *more).stdout) for more in ((), ("--rehearse",)))
    operations = [request["operation"] for request in plain["requests"]]
    assert operations[:2] == ["POST /storage_service/snapshots", "DELETE /storage_service/snapshots"]
    assert operations[2:6] == ["CreateTable", "DeleteTable", "DeleteTable", "CreateTable"]
    steps = [request["step"] for request in rehearsed["requests"]]
    assert steps.index("safety backup") < steps.index("rehearsal, load") < steps.index("replaced table")
    assert steps.index("replaced table") < steps.index("load")


def test_the_plan_promised_a_safety_backup_that_a_cluster_does_not_get(tmp_path: Path) -> None:
    """On several nodes one can't take it alone: the plan refuses as the restore does, before anything is made."""
    with Sandbox("6.2", directory=tmp_path / "node", racks=3) as node:
        station = Station(node, tmp_path)
        station.dynamodb().create_table(**indexed_table("users"))
        station.back_up("users")
        created = station.table("users").id
        for arguments in (("--plan",), ("--yes",)):
            result = station.run("restore", "users", "--replace", *arguments)
            assert_error(result, 10, "has 3 nodes", "no backup of 'users' on all of them", "--without-safety-backup")
        plan = station.run("restore", "users", "--replace", "--without-safety-backup", "--plan")
        assert plan.returncode == 0, plan.stderr
        assert "/storage_service/snapshots" not in plan.stdout
        assert (station.dynamodb().list_tables()["TableNames"], station.table("users").id) == (["users"], created)
