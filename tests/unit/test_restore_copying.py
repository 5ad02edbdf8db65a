"""How items are grouped into requests, and how far a copying remembers to have come."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from backup_core.model import Table
from backup_core.node.alternator_items import Item
from backup_core.restore.copy_positions import CopyPositions, Position
from backup_core.restore.copying import MOST_BYTES, MOST_ITEMS, batches


SOURCE, TARGET = Table("abdrill_copy", "1" * 32), Table("users", "2" * 32)
KEY = {"pk": {"B": "AP8="}}


def item(size_bytes: int) -> Item:
    """An item of about that size."""
    return {"pk": {"S": "x" * size_bytes}}


@given(st.lists(st.sampled_from([1, 300_000, MOST_BYTES // 2, MOST_BYTES + 1]), max_size=60))
def test_every_item_is_in_one_request_that_the_node_takes(sizes: list[int]) -> None:
    """In their order, at most 25 at a time, below the limit unless one alone is above it."""
    items = [item(size) for size in sizes]
    found = list(batches(items))
    assert [each for batch in found for each in batch] == items
    for batch in found:
        assert 1 <= len(batch) <= MOST_ITEMS
        assert len(batch) == 1 or sum(len(each["pk"]["S"]) for each in batch) <= MOST_BYTES


def positions(directory: Path, source: Table = SOURCE, target: Table = TARGET, segments: int = 16) -> CopyPositions:
    """Those of a copying."""
    return CopyPositions(directory / "users.positions", source, target, segments)


def test_a_position_is_remembered_for_its_tables_only(tmp_path: Path) -> None:
    """Another scratch table, another target or another number of segments begins from the beginning."""
    reached = Position(7, KEY)
    positions(tmp_path).write(3, reached)
    assert positions(tmp_path).read(3) == reached
    assert positions(tmp_path).read(4) == Position()
    other = Table("users", "3" * 32)
    assert positions(tmp_path, source=other).read(3) == Position()
    assert positions(tmp_path, target=other).read(3) == Position()
    assert positions(tmp_path, segments=8).read(3) == Position()


def test_a_broken_position_is_none(tmp_path: Path) -> None:
    """What can't be read is copied again, which does no harm."""
    positions(tmp_path).write(3, Position(7, KEY))
    for content in (b"", b"[]", b"{}", b'{"format_version": 1}', b"\xff"):
        (tmp_path / "users.positions" / "3.json").write_bytes(content)
        assert positions(tmp_path).read(3) == Position()
