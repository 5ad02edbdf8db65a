"""A sample of a restored table, item by item against the live one.

Nothing tells an item that was written since the snapshot from one that was restored wrongly, so what differs is
counted and proves nothing; what is the same does.
"""

import random
from collections.abc import Iterator, Sequence

from backup_core.context import Context
from backup_core.errors import NotFoundError, PermissionDeniedError
from backup_core.node.alternator_items import Item, Segment, get_item, scan_page
from backup_core.restore.drill_results import Sample


SEGMENTS = 64
"""Of the restored table; the sample comes from the beginnings of some of them."""
PLACES = 8
"""The least number of segments that a sample of a large table comes from."""


def compare_sample(context: Context, restored: str, live: str, count: int) -> Sample:
    """Compare items of two tables that have the same keys.

    Args:
        context: where the node is.
        restored: name of the table that the sample is taken from.
        live: name of the table that was backed up.
        count: how many items at most.

    Raises:
        BackupError: the restored table can't be read, or the node is down.
        RunCancelledError: a signal.
    """
    try:
        keys = [key["AttributeName"] for key in context.alternator.describe_table(live)["KeySchema"]]
        found = [_compare(context, live, keys, item) for item in _sample(context, restored, count)]
    except NotFoundError:
        return Sample(not_compared=f"there is no table {live} any more")
    except PermissionDeniedError as error:
        return Sample(not_compared=error.message)
    return Sample(found.count("same"), found.count("changed"), found.count("missing"))


def _sample(context: Context, name: str, count: int) -> Iterator[Item]:
    """The first items of segments in any order, until there are enough; all items where there are few."""
    limit = -(-count // PLACES)
    for number in random.sample(range(SEGMENTS), SEGMENTS):
        page = scan_page(context.alternator, name, Segment(number, SEGMENTS), None, limit=min(limit, count))
        yield from page.items
        count -= len(page.items)
        if count <= 0:
            return


def _compare(context: Context, live: str, keys: Sequence[str], item: Item) -> str:
    now = get_item(context.alternator, live, {name: item[name] for name in keys})
    if now is None:
        return "missing"
    return "same" if _comparable(now) == _comparable(item) else "changed"


def _comparable(item: Item) -> dict[str, object]:
    """Sets have no order."""
    return {name: _value(value) for name, value in item.items()}


def _value(value: object) -> object:
    if not isinstance(value, dict):
        return value
    [(type_, content)] = value.items()
    match type_:
        case "SS" | "NS" | "BS":
            return type_, frozenset(content)
        case "L":
            return type_, [_value(each) for each in content]
        case "M":
            return type_, {name: _value(each) for name, each in content.items()}
    return type_, content
