"""The views of indexes after a load, and of an index that is added later: filled, but not at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table, new_index, simple_table
from tests.conformance.loading import eventually, indexed, load, message, table_directory, upload
from tests.conformance.replay import VERSIONS, rest
from tests.conformance.snapshotting import in_order, scan, take, taken


ON_VNODES = {"Key": "system:initial_tablets", "Value": "none"}


def filled(sandbox: Sandbox, request: dict[str, Any], count: int = 30) -> Path:
    """Make a table with items, every other one in the LSI `by_day`, and return a snapshot of it."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**request)
    for i in range(count):
        item = {"pk": {"S": f"p{i % 3}"}, "sk": {"S": str(i)}, "age": {"N": str(i)}}
        dynamodb.put_item(TableName=request["TableName"], Item=item | ({"day": {"S": "monday"}} if i % 2 else {}))
    return taken(sandbox, request["TableName"])


def without_indexes(name: str) -> dict[str, Any]:
    """The request for a table with the keys of `indexed_table` only."""
    request = indexed_table(name)
    del request["GlobalSecondaryIndexes"], request["LocalSecondaryIndexes"]
    request["AttributeDefinitions"] = request["AttributeDefinitions"][:2]
    return request


def build_status(sandbox: Sandbox, table: str, index: str) -> str:
    """What the REST API says of the building of an index's view."""
    path = f"/storage_service/view_build_statuses/alternator_{table}/{table}%3A{index}"
    [status] = json.loads(rest(sandbox, "GET", path).body)
    return str(status["value"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("target", ["users", "users_copy"])
def test_a_table_comes_back_with_its_indexes(version: str, target: str, tmp_path: Path) -> None:
    """Indexes are empty after the 200, their files in `staging/`; a little later they are as they were."""
    with Sandbox(version, directory=tmp_path, index_memory_seconds=0) as sandbox:
        snapshot = filled(sandbox, indexed_table("users"))
        before = in_order(scan(sandbox, "users"))
        indexes = {name: in_order(indexed(sandbox, "users", name)) for name in ("by_age", "by_day")}
        dynamodb = client(sandbox)
        dynamodb.delete_table(TableName="users")
        dynamodb.create_table(**indexed_table(target))
        upload(sandbox, target, snapshot)
        sandbox.views.hold()
        assert load(sandbox, target).status == 200
        assert in_order(scan(sandbox, target)) == before
        assert indexed(sandbox, target, "by_age") == indexed(sandbox, target, "by_day") == []
        # The view is built all the same: nobody tells that it is behind.
        assert build_status(sandbox, target, "by_age") == "SUCCESS"
        staging = table_directory(sandbox, target) / "staging"
        assert list(staging.iterdir())
        # A snapshot takes what is staged along.
        assert list(taken(sandbox, target, "meanwhile").glob("*-Data.db"))
        sandbox.views.release()
        eventually(lambda: not list(staging.iterdir()))
        assert {name: in_order(indexed(sandbox, target, name)) for name in indexes} == indexes


def index_states(sandbox: Sandbox, table: str) -> set[str]:
    """What DescribeTable and the REST API tell of the building of `by_age`, once it is filled."""
    eventually(lambda: len(indexed(sandbox, table, "by_age")) == 30)
    (index,) = client(sandbox).describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
    return {index.get("IndexStatus", "none"), build_status(sandbox, table, "by_age")}


@pytest.mark.parametrize(
    ("version", "index_memory_seconds", "tags", "expected"),
    [
        ("2026.1", 3600, [], {"CREATING", "UNKNOWN"}),
        ("2026.1", 0, [], {"ACTIVE", "SUCCESS"}),
        ("2026.1", 3600, [ON_VNODES], {"CREATING", "UNKNOWN"}),
        ("6.2", 3600, [], {"none", "SUCCESS"}),
    ],
)
def test_a_name_that_is_used_again_too_soon_loses_the_state_of_its_indexes(
    version: str, index_memory_seconds: float, tags: list[dict[str, str]], expected: set[str]
) -> None:
    """On 2026.1's tablets indexes of such a table are filled and stay CREATING, on its vnodes until that is over."""
    with Sandbox(version, index_memory_seconds=index_memory_seconds) as sandbox:
        snapshot = filled(sandbox, indexed_table("users"))
        dynamodb = client(sandbox)
        dynamodb.delete_table(TableName="users")
        dynamodb.create_table(**indexed_table("users"), Tags=tags)
        upload(sandbox, "users", snapshot)
        assert load(sandbox, "users").status == 200
        assert index_states(sandbox, "users") == expected


def test_other_names_are_none_the_worse() -> None:
    """On tablets a table whose name was free has active indexes, whatever was dropped before."""
    with Sandbox("2026.1", index_memory_seconds=3600) as sandbox:
        snapshot = filled(sandbox, indexed_table("users"))
        client(sandbox).delete_table(TableName="users")
        client(sandbox).create_table(**indexed_table("copy"))
        upload(sandbox, "copy", snapshot)
        assert load(sandbox, "copy").status == 200
        assert index_states(sandbox, "copy") == {"ACTIVE", "SUCCESS"}


def test_indexes_stay_empty_where_the_state_of_all_of_them_is_lost() -> None:
    """A name that is used again too soon after several tables with indexes were dropped: loads don't reach its own."""
    with Sandbox("2026.1", index_memory_seconds=3600) as sandbox:
        snapshot = filled(sandbox, indexed_table("users"))
        dynamodb = client(sandbox)
        dynamodb.create_table(**indexed_table("other"))
        for name in ("other", "users"):
            dynamodb.delete_table(TableName=name)
        dynamodb.create_table(**indexed_table("users"))
        upload(sandbox, "users", snapshot)
        assert load(sandbox, "users").status == 200
        assert not list((table_directory(sandbox, "users") / "staging").iterdir())
        assert len(scan(sandbox, "users")) == 30
        assert indexed(sandbox, "users", "by_age") == indexed(sandbox, "users", "by_day") == []
        assert build_status(sandbox, "users", "by_age") == "UNKNOWN"


def test_a_view_on_vnodes_is_built_once_dropped_ones_are_forgotten() -> None:
    """It waits in the same queue, and so shows from when on a dropped table's name can be used again."""
    with Sandbox("2026.1", index_memory_seconds=1) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**indexed_table("users"))
        dynamodb.delete_table(TableName="users")
        dynamodb.create_table(**indexed_table("after"), Tags=[ON_VNODES])
        eventually(lambda: build_status(sandbox, "after", "by_age") == "SUCCESS")
        dynamodb.create_table(**indexed_table("users"))
        assert build_status(sandbox, "users", "by_age") == "SUCCESS"


def test_indexes_fill_step_by_step() -> None:
    """An index holds a part of the items before it holds all."""
    with Sandbox("6.2", view_delay_seconds=0.2) as sandbox:
        snapshot = filled(sandbox, indexed_table("users"))
        client(sandbox).create_table(**indexed_table("target"))
        upload(sandbox, "target", snapshot)
        assert load(sandbox, "target").status == 200
        seen: list[int] = []

        def full() -> bool:
            seen.append(len(indexed(sandbox, "target", "by_age")))
            return seen[-1] == 30

        eventually(full)
    assert {0, 15, 30} <= set(seen)


def test_a_write_is_in_the_index_before_the_load_is() -> None:
    """An item that a client writes meanwhile is in the view at once, and stays there."""
    with Sandbox() as sandbox:
        snapshot = filled(sandbox, indexed_table("users"), count=1)
        client(sandbox).create_table(**indexed_table("target"))
        upload(sandbox, "target", snapshot)
        sandbox.views.hold()
        assert load(sandbox, "target").status == 200
        newer = {"pk": {"S": "p0"}, "sk": {"S": "0"}, "age": {"N": "99"}}
        client(sandbox).put_item(TableName="target", Item=newer)
        assert indexed(sandbox, "target", "by_age") == [newer]
        sandbox.views.release()
        staging = table_directory(sandbox, "target") / "staging"
        eventually(lambda: not list(staging.iterdir()))
        assert indexed(sandbox, "target", "by_age") == [newer]


@pytest.mark.parametrize("version", VERSIONS)
def test_views_take_no_files(version: str) -> None:
    """With files in a view's `upload/` the load is refused; with none it succeeds."""
    with Sandbox(version) as sandbox:
        snapshot = filled(sandbox, indexed_table("users"))
        assert load(sandbox, "users", cf="users:by_age").status == 200
        directory = table_directory(sandbox, "users", "users:by_age") / "upload"
        for path in snapshot.glob("me-*"):
            (directory / path.name).hardlink_to(path)
        refusal = message(load(sandbox, "users", cf="users:by_age"))
        assert "Loading Materialized View SSTables is not supported. Re-create the view instead." in refusal


def test_a_dropped_table_is_not_filled() -> None:
    """What waited for a table's views ends with it, and a new table of that name has nothing of it."""
    with Sandbox() as sandbox:
        snapshot = filled(sandbox, indexed_table("users"))
        client(sandbox).create_table(**indexed_table("target"))
        upload(sandbox, "target", snapshot)
        sandbox.views.hold()
        assert load(sandbox, "target").status == 200
        client(sandbox).delete_table(TableName="target")
        client(sandbox).create_table(**indexed_table("target"))
        sandbox.views.release()
        client(sandbox).put_item(TableName="target", Item={"pk": {"S": "a"}, "sk": {"S": "b"}, "age": {"N": "1"}})
        eventually(lambda: len(indexed(sandbox, "target", "by_age")) == 1)


def test_an_index_that_is_added_is_built_later_and_reports_a_sort_key() -> None:
    """It backfills, then is active and holds the items; hash-only as asked, it reports a RANGE key nevertheless."""
    with Sandbox("2026.1") as sandbox:
        filled(sandbox, without_indexes("users"))
        dynamodb = client(sandbox)
        sandbox.views.hold()
        dynamodb.update_table(TableName="users", **new_index("by_age", "age", "N"))
        [index] = dynamodb.describe_table(TableName="users")["Table"]["GlobalSecondaryIndexes"]
        assert (index["IndexStatus"], index["Backfilling"]) == ("CREATING", True)
        assert build_status(sandbox, "users", "by_age") == "STARTED"
        assert indexed(sandbox, "users", "by_age") == []
        sandbox.views.release()
        eventually(lambda: build_status(sandbox, "users", "by_age") == "SUCCESS")
        [index] = dynamodb.describe_table(TableName="users")["Table"]["GlobalSecondaryIndexes"]
        assert (index["IndexStatus"], "Backfilling" in index) == ("ACTIVE", False)
        assert [key["KeyType"] for key in index["KeySchema"]] == ["HASH", "RANGE"]
        assert len(indexed(sandbox, "users", "by_age")) == 30


def test_an_index_of_the_beginning_reports_no_sort_key() -> None:
    """Made with the table on 2026.1, a hash-only index is described as it was asked for."""
    with Sandbox("2026.1") as sandbox:
        client(sandbox).create_table(**indexed_table("users"))
        [index] = client(sandbox).describe_table(TableName="users")["Table"]["GlobalSecondaryIndexes"]
    assert [key["KeyType"] for key in index["KeySchema"]] == ["HASH"]


def test_attributes_that_were_no_column_are_not_in_an_index_of_columns() -> None:
    """On 6.2, files of a table without the index load, but its view looks for a column that they don't have."""
    with Sandbox("6.2") as sandbox:
        snapshot = filled(sandbox, without_indexes("users"))
        client(sandbox).create_table(**indexed_table("target"))
        upload(sandbox, "target", snapshot)
        assert load(sandbox, "target").status == 200
        staging = table_directory(sandbox, "target") / "staging"
        eventually(lambda: not list(staging.iterdir()))
        assert len(scan(sandbox, "target")) == 30
        assert indexed(sandbox, "target", "by_age") == []


@pytest.mark.parametrize("racks", [1, 2, 3])
def test_indexes_on_tablets_want_one_rack_or_three(racks: int) -> None:
    """With two racks CreateTable with an index is refused on tablets, and taken on vnodes or without indexes."""
    vnodes = [{"Key": "system:initial_tablets", "Value": "none"}]
    with Sandbox("2026.1", racks=racks) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("plain"))
        dynamodb.create_table(**indexed_table("vnodes"), Tags=vnodes)
        if racks == 2:
            with pytest.raises(dynamodb.exceptions.ClientError, match="number of racks in the cluster to be either"):
                dynamodb.create_table(**indexed_table("tablets"))
        else:
            dynamodb.create_table(**indexed_table("tablets"))
        assert take(sandbox, "alternator_plain").exists()
