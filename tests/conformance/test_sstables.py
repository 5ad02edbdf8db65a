"""The SSTables that a flush writes are complete and hold all items."""

import zlib

import pytest

from sandbox.node import Sandbox
from tests.conformance.replay import (
    VERSIONS,
    create_table,
    put_item,
    recorded_life,
    rest,
    snapshot_directories,
)
from tests.conformance.snapshotting import AGE_INDEX, in_order, items_of, scan, take, taken


@pytest.mark.parametrize("version", VERSIONS)
def test_sstables_are_complete_and_their_digests_true(version: str) -> None:
    """Each SSTable has all components that its TOC.txt lists, as the real one does, and a true Digest.crc32."""
    real = next(snapshot_directories(version)["orders"].glob("*-TOC.txt")).read_bytes()
    with recorded_life(version) as sandbox:
        directory = taken(sandbox, "orders")
        tables = list(directory.glob("*-TOC.txt"))
        assert tables
        for toc in tables:
            assert toc.read_bytes() == real
            prefix = toc.name.removesuffix("TOC.txt")
            components = {path.name.removeprefix(prefix) for path in directory.glob(f"{prefix}*")}
            assert components == set(real.decode().split())
            data = (directory / f"{prefix}Data.db").read_bytes()
            assert (directory / f"{prefix}Digest.crc32").read_text() == str(zlib.crc32(data))


@pytest.mark.parametrize("version", VERSIONS)
def test_snapshots_hold_every_item_once(version: str) -> None:
    """A snapshot flushes first, and its data files hold exactly the items that a scan finds."""
    with recorded_life(version) as sandbox:
        for name in ("orders", "users", "binkeys", "Game.Scores-2024"):
            assert in_order(items_of(taken(sandbox, name))) == in_order(scan(sandbox, name))


@pytest.mark.parametrize(("version", "count"), [("6.2", 1), ("2026.1", 8)])
def test_a_flush_writes_an_sstable_for_each_tablet(version: str, count: int) -> None:
    """200 items make one SSTable on vnodes, and one for each of the 8 tablets on tablets."""
    with recorded_life(version) as sandbox:
        assert len(list(taken(sandbox, "orders").glob("*-Data.db"))) == count


def test_views_hold_the_items_with_their_keys() -> None:
    """A view's SSTables hold the items that have its index's keys, of the declared type, and no others."""
    with Sandbox("6.2") as sandbox:
        create_table(sandbox, "users", **AGE_INDEX)
        put_item(sandbox, "users", {"pk": {"S": "a"}, "age": {"N": "1"}})
        put_item(sandbox, "users", {"pk": {"S": "b"}})
        [view] = take(sandbox, "alternator_users").glob("users:by_age-*/snapshots/*")
        assert items_of(view) == [{"pk": {"S": "a"}, "age": {"N": "1"}}]


def test_a_new_index_is_filled_from_the_table() -> None:
    """A GSI that is added to a table with items has a directory, and its next snapshot holds the table's items."""
    with recorded_life("2026.1") as sandbox:
        [view] = take(sandbox, "alternator_orders").glob("orders:by_total-*/snapshots/*")
        assert in_order(items_of(view)) == in_order(scan(sandbox, "orders"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_automatic_compaction_can_be_switched(version: str, method: str) -> None:
    """For a keyspace or for a table of it that exists."""
    path = "/storage_service/auto_compaction/alternator_users"
    with Sandbox(version) as sandbox:
        create_table(sandbox, "users")
        for query in ({}, {"cf": "users"}):
            assert rest(sandbox, method, path, query).status == 200
        for unknown in (rest(sandbox, method, path, {"cf": "nobody"}), rest(sandbox, method, f"{path}2")):
            assert unknown.status == 400
            assert "Can't find a" in unknown.body
