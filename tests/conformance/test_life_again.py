"""One table restored again and again: beside itself and in its place, from its newest backup and from a former one."""

import pytest

from tests.conformance.life_items import indexed_item, items
from tests.conformance.life_shapes import Shape
from tests.conformance.life_site import LiveTable, Site


pytestmark = pytest.mark.slow


SHAPE = Shape("pk:S sk:N", {"by_a": "a:S", "by_sk": "sk:N"}, {"local": "b:B"}, tags={"a": "b"})


def test_beside_and_in_place_twice(site: Site) -> None:
    """A copy is what the table was, and leaves it alone; restored in its place, it lives on, and is restored again."""
    table = site.make(site.name("table"), SHAPE, *items(SHAPE, 12))
    first = table.seen()
    first_tag = site.back_up(table.name)
    table.put(indexed_item(SHAPE, 50))
    table.remove(*items(SHAPE, 2))
    changed = table.seen()
    copy = site.name("copy")
    site.restore(table.name, "--as", copy)
    site.assert_restored(copy, first)
    site.assert_restored(table.name, changed)

    site.delete(table.name)
    site.restore(table.name)
    site.assert_restored(table.name, first)
    again = LiveTable(site, table.name, SHAPE)
    again.put(*items(SHAPE, 12), indexed_item(SHAPE, 60), indexed_item(SHAPE, 1))
    again.remove(indexed_item(SHAPE, 60))
    second = again.seen()
    site.back_up(table.name)
    site.delete(table.name)
    site.restore(table.name)
    site.assert_restored(table.name, second)
    former = site.name("former")
    site.restore(table.name, "--run", first_tag, "--as", former)
    site.assert_restored(former, first)
