"""Snapshots: what they hold, how they end, and how a disk that fails shows in them."""

import json
from collections import Counter

import pytest

from sandbox.node import Sandbox
from tests.conformance.replay import (
    VERSIONS,
    alternator,
    assert_same,
    create_table,
    put_item,
    recorded_life,
    rest,
    snapshot_directories,
)
from tests.conformance.snapshotting import AGE_INDEX, TAG, items_of, take, taken


def test_without_flush_a_snapshot_holds_what_was_flushed_before() -> None:
    """`sf=true` leaves unflushed items out; a flush over the REST API then brings them in."""
    with Sandbox("6.2") as sandbox:
        create_table(sandbox, "users")
        put_item(sandbox, "users", {"pk": {"S": "a"}})
        keyspace = take(sandbox, "alternator_users", "before", cf="users", sf="true")
        assert rest(sandbox, "POST", "/storage_service/keyspace_flush/alternator_users").status == 200
        take(sandbox, "alternator_users", "after", cf="users", sf="true")
        counts = {path.name: len(items_of(path)) for path in keyspace.glob("users-*/snapshots/*")}
    assert counts == {"before": 0, "after": 1}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_shown_table_has_the_real_files(version: str) -> None:
    """A table that shows a real snapshot gives just these files in its own snapshots, and no items to scans."""
    real = snapshot_directories(version)["orders"]
    with Sandbox(version) as sandbox:
        create_table(sandbox, "shown")
        sandbox.data.show("shown", real)
        directory = taken(sandbox, "shown")
        assert {path.name: path.read_bytes() for path in directory.glob("me-*")} == {
            path.name: path.read_bytes() for path in real.glob("me-*")
        }
        listed, recorded = (json.loads((each / "manifest.json").read_text()) for each in (directory, real))
        for key in ("files", "sstables"):
            assert_same(recorded.get(key), listed.get(key), unordered=("",))
        assert alternator(sandbox, "Scan", {"TableName": "shown"}).status == 500


@pytest.mark.parametrize("auto_snapshot", [True, False])
def test_a_dropped_tables_directory_goes_with_its_last_snapshot(*, auto_snapshot: bool) -> None:
    """A dropped table's directory stays as long as it holds a snapshot, whoever took it."""
    with Sandbox(auto_snapshot=auto_snapshot) as sandbox:
        create_table(sandbox, "users")
        directory = taken(sandbox, "users").parents[1]
        assert alternator(sandbox, "DeleteTable", {"TableName": "users"}).status == 200
        left = [path.name for path in directory.iterdir()]
        tags = Counter(path.name.partition("-")[0] for path in (directory / "snapshots").iterdir())
        for tag in [path.name for path in (directory / "snapshots").iterdir()]:
            assert directory.exists()
            assert rest(sandbox, "DELETE", "/storage_service/snapshots", {"tag": tag}).status == 200
        assert not directory.exists()
    assert left == ["snapshots"]
    assert tags == (Counter({TAG: 1, "pre": 1}) if auto_snapshot else Counter({TAG: 1}))


def test_views_of_a_dropped_table_leave_snapshots_of_their_own() -> None:
    """DeleteTable drops the views first, each with its own `pre-drop` snapshot, and the table after them."""
    with Sandbox("6.2") as sandbox:
        create_table(sandbox, "users", **AGE_INDEX)
        assert alternator(sandbox, "DeleteTable", {"TableName": "users"}).status == 200
        left = {
            path.parents[1].name.rpartition("-")[0]: path.name
            for path in sandbox.data_directory.glob("alternator_users/*/snapshots/*")
        }
    assert sorted(left) == ["users", "users:by_age"]
    assert left["users:by_age"] <= left["users"]


def test_a_table_made_again_has_a_new_directory() -> None:
    """A table of a dropped one's name gets an id and a directory of its own; the old snapshot stays where it was."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        assert alternator(sandbox, "DeleteTable", {"TableName": "users"}).status == 200
        create_table(sandbox, "users")
        directories = list(sandbox.data_directory.glob("alternator_users/users-*"))
        taken(sandbox, "users")
    assert len(directories) == 2


def test_deleting_without_a_tag_deletes_every_snapshot() -> None:
    """DELETE without parameters removes all snapshots of all tables, also those that are never listed."""
    with Sandbox() as sandbox:
        for name in ("users", ".hidden"):
            create_table(sandbox, name)
            taken(sandbox, name)
        assert rest(sandbox, "DELETE", "/storage_service/snapshots").status == 200
        assert not list(sandbox.data_directory.glob("*/*/snapshots"))


def test_deleting_by_table_goes_by_the_start_of_directory_names() -> None:
    """DELETE with `cf=users` also hits the table `users-old`, as on the server, and leaves `users:by_age`."""
    with Sandbox("6.2") as sandbox:
        create_table(sandbox, "users", **AGE_INDEX)
        create_table(sandbox, "users-old")
        for name in ("users", "users-old"):
            taken(sandbox, name)
        assert rest(sandbox, "DELETE", "/storage_service/snapshots", {"tag": TAG, "cf": "users"}).status == 200
        left = [path.parents[1].name for path in sandbox.data_directory.glob("*/*/snapshots/*")]
    assert [name.rpartition("-")[0] for name in left] == ["users:by_age"]


def test_a_damaged_disk_shows_in_the_next_snapshot() -> None:
    """A component removed from the live files is missing in the next snapshot: the disk is the truth."""
    with recorded_life("6.2") as sandbox:
        live = taken(sandbox, "orders").parents[1]
        next(live.glob("*-Filter.db")).unlink()
        names = {path.name.rpartition("-")[2] for path in taken(sandbox, "orders", "later").iterdir()}
    assert "Data.db" in names
    assert "Filter.db" not in names


def test_a_failing_disk_is_an_error_without_a_manifest() -> None:
    """If the snapshot can't be written the answer is a 500 that names the cause, and no manifest is left."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        [directory] = sandbox.data_directory.glob("alternator_users/users-*")
        (directory / "snapshots").write_text("in the way")
        query = {"tag": TAG, "kn": "alternator_users", "cf": "users"}
        answer = rest(sandbox, "POST", "/storage_service/snapshots", query)
    assert answer.status == 500
    assert "storage_io_error" in answer.body
    assert not list(sandbox.data_directory.rglob("manifest.json"))


def test_tags_never_lead_out_of_the_directory() -> None:
    """A tag with a slash, which the server would follow anywhere, is refused by the sandbox."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        query = {"tag": "../../../x", "kn": "alternator_users", "cf": "users"}
        assert rest(sandbox, "POST", "/storage_service/snapshots", query).status == 500
