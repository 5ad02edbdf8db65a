"""However many SSTables a table has, and whatever is overwritten and deleted across them."""

import pytest

from tests.conformance.life_items import indexed_item
from tests.conformance.life_shapes import Shape
from tests.conformance.life_site import Site
from tests.conformance.test_life_shapes import there_and_back


pytestmark = pytest.mark.slow


MANY = 40

PLAIN = Shape("pk:S sk:N")
SHAPE = Shape("pk:S sk:N", {"by_a": "a:S", "by_b_a": "b:N a:S"}, {"local": "b:N"})


def sstables(site: Site, name: str) -> int:
    """How many SSTables a table has."""
    live = site.node.data_directory.glob(f"alternator_{name}/{name}-*/*-TOC.txt")
    return len(list(live))


def test_one_and_forty(site: Site) -> None:
    """One SSTable comes back, and forty with newer versions and deletions of what is in others."""
    # One partition is on one shard and on one tablet; to build an index, the node may flush what is there by then.
    one = site.make(
        site.name("one"), PLAIN, *({**indexed_item(PLAIN, number), "pk": {"S": "a"}} for number in range(3))
    )
    one.flush()
    assert sstables(site, one.name) == 1
    many = site.make(site.name("many"), SHAPE)
    many.stop_compaction()
    for number in range(MANY):
        new = indexed_item(SHAPE, number)
        many.put(new)
        if number % 3 == 1:
            many.put(indexed_item(SHAPE, number - 1) | {"a": {"S": f"changed in {number}"}})
        if number % 3 == 2:
            many.remove(indexed_item(SHAPE, number - 1))
        many.flush()
    assert sstables(site, many.name) >= MANY
    there_and_back(site, one, many)
