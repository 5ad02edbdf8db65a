"""Which backup a restore takes where none is named: after others that were interrupted, and of many tables."""

import json
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.faults.commands import Gate, assert_error, finish
from tests.faults.harness import Station


pytestmark = pytest.mark.slow


SNAPSHOT = "rest POST /storage_service/snapshots"
LOAD = "rest POST /storage_service/sstables"


@pytest.fixture
def station(node: Sandbox, tmp_path: Path) -> Station:
    """A node with two tables, both backed up in one run."""
    station = Station(node, tmp_path)
    station.create("users", "orders")
    station.back_up()
    return station


def kill_at(station: Station, endpoint: str, *arguments: str) -> None:
    """Kill a command while a request of it is under way."""
    gate = Gate()
    station.node.faults.set(endpoint, Fault("call", action=gate), times=1)
    process = station.start(*arguments)
    assert gate.reached.wait(30)
    process.kill()
    finish(process)
    gate.open()


def planned_tag(station: Station, *arguments: str) -> str:
    """The tag of the backup that a restore would take."""
    result = station.run("restore", "users", "--plan", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    ((source,),) = (plan["sources"] for plan in json.loads(result.stdout))
    return str(source["tag"])


def records(station: Station) -> list[Path]:
    """What is remembered of restores."""
    return list((station.directory / "state" / "restores").glob("*"))


def tags(station: Station) -> list[str]:
    """Of the backups of users, the newest first."""
    return [listing.tag for listing in station.listed() if listing.table == "users"]


def test_a_plain_restore_took_the_tag_of_a_replacement_that_deleted_nothing(station: Station) -> None:
    """The replacement itself goes on with its backup; any other restore takes the newest, and forgets about it."""
    (first,) = tags(station)
    kill_at(station, SNAPSHOT, "restore", "users", "--replace", "--yes")
    station.back_up("users")
    newest = tags(station)[0]
    assert newest != first
    assert planned_tag(station, "--replace") == first
    assert_error(station.run("restore", "users"), 69, "exists", "--replace")
    station.drop("users")
    assert planned_tag(station) == planned_tag(station, "--replace") == newest
    result = station.run("restore", "users")
    assert result.returncode == 0, result.stderr
    assert f"Forgot the unfinished restore of users/{first} as users" in result.stderr
    assert records(station) == []


def test_the_record_of_a_deleted_table_stayed_for_ever(station: Station) -> None:
    """The next restore of anything forgets it, with how far items were copied; what may still be ended stays."""
    for copy in ("copy", "kept"):
        kill_at(station, LOAD, "restore", "users", "--as", copy)
    positions = station.directory / "state" / "restores" / "copy.positions"
    positions.mkdir()
    (positions / "0.json").write_text("{}")
    station.drop("copy")
    result = station.run("restore", "orders", "--as", "other")
    assert result.returncode == 0, result.stderr
    assert [path.name for path in records(station)] == ["kept.json"]
    assert station.run("restore", "users", "--as", "kept").returncode == 0
    assert records(station) == []


def test_all_tables_were_those_of_the_newest_run_though_it_was_of_one(station: Station) -> None:
    """Without --run each table comes back from its own newest backup, and the last line tells of which runs."""
    station.back_up("users")
    newest, first = tags(station)
    station.drop("users", "orders")
    result = station.run("restore", "--all")
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1] == (
        f"2 of 2 tables came back as they were, from runs {newest} (1), {first} (1)."
    )
    station.drop("orders")
    result = station.run("restore", "--all", "--run", first)
    assert result.returncode == 3, result.stderr
    assert f"1 of 2 tables came back as they were, from run {first}. 1 failed" in result.stderr
    assert_error(station.run("restore", "--all", "--run", "1733313018"), 10, "with tag 1733313018", newest, first)
