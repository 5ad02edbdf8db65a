"""Pages of a table's items, or of one of its indexes: Scan and Query."""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sandbox.catalog import Index, Table
from sandbox.column_families import primary_key
from sandbox.expressions import Condition, Filter
from sandbox.items import Items, StoredRow, key_position
from sandbox.ordering import canonical, sort_value
from sandbox.rows import ItemJson, Value


_PAGE_SIZE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What one page is asked for.

    Attributes:
        limit: most items to look at, None for as many as a page holds.
        start: key after which the page starts, with the keys of the index.
        condition: filter; items that it drops count as looked at.
        index: only items that are in this index.
    """

    limit: int | None = None
    start: ItemJson | None = None
    condition: Condition | None = None
    index: Index | None = None


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """Which partition a query reads, and which part of it.

    Attributes:
        partition: value of the partition key.
        holds: whether the value of a sort key, as `sort_value` gives it, is wanted.
    """

    partition: Value
    holds: Callable[[Any], bool] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `last_key` is None only when nothing can follow."""

    items: list[ItemJson]
    scanned_count: int
    last_key: ItemJson | None


def scan(items: Items, table: Table, request: PageRequest, segment: tuple[int, int] | None = None) -> Page:
    """One page of a scan, in the order of the table's keys.

    Args:
        items: of the node.
        table: to scan.
        request: what the page is asked for.
        segment: number of the segment and how many there are, None for all.
    """
    found = [stored for stored in items.stored(table, request.index) if _in_segment(table, stored, segment)]
    found.sort(key=lambda stored: stored.position)
    start = None if request.start is None else key_position(table, request.start)
    return _page(table, _after(found, start, lambda stored: stored.position), request)


def query(items: Items, table: Table, request: PageRequest, wanted: KeyCondition, *, forward: bool) -> Page:
    """One page of a query, in the order of the sort key, backwards if not `forward`."""
    found = [stored for stored in items.stored(table, request.index) if _is_wanted(table, stored, request, wanted)]

    def position(stored: StoredRow) -> tuple[Any, ...]:
        return _index_position(table, request.index, stored.item or {})

    found.sort(key=position)
    start = None if request.start is None else _index_position(table, request.index, request.start)
    if forward:
        return _page(table, _after(found, start, position), request)
    before = found if start is None else [stored for stored in found if position(stored) < start]
    return _page(table, before[::-1], request)


def _page(table: Table, found: Sequence[StoredRow], request: PageRequest) -> Page:
    """Like the real node's, a page that its limit ended has a last key, even if no item follows."""
    matches = Filter(request.condition)
    matching: list[ItemJson] = []
    size_bytes = 0
    for count, stored in enumerate(found, 1):
        item = stored.item or {}
        size_bytes += stored.size_bytes
        if matches.holds(table, item):
            matching.append(item)
        if count == request.limit or size_bytes >= _PAGE_SIZE_BYTES:
            return Page(matching, count, {name: item[name] for name in _key_names(table, request.index)})
    return Page(matching, len(found), None)


def _after(
    found: list[StoredRow], start: tuple[Any, ...] | None, position: Callable[[StoredRow], tuple[Any, ...]]
) -> list[StoredRow]:
    return found if start is None else found[bisect_right(found, start, key=position) :]


def _is_wanted(table: Table, stored: StoredRow, request: PageRequest, wanted: KeyCondition) -> bool:
    hash_key = table.hash_key if request.index is None else request.index.hash_key
    range_key = table.range_key if request.index is None else request.index.range_key
    item = stored.item or {}
    if canonical(item[hash_key.name]) != canonical(wanted.partition):
        return False
    return wanted.holds is None or range_key is None or wanted.holds(sort_value(item[range_key.name]))


def _index_position(table: Table, index: Index | None, item: ItemJson) -> tuple[Any, ...]:
    range_key = table.range_key if index is None else index.range_key
    first = () if range_key is None else (sort_value(item[range_key.name]),)
    return (*first, *key_position(table, item))


def _key_names(table: Table, index: Index | None) -> Iterator[str]:
    keys = primary_key(table) + ([] if index is None else [index.hash_key, index.range_key])
    return (key.name for key in keys if key is not None)


def _in_segment(table: Table, stored: StoredRow, segment: tuple[int, int] | None) -> bool:
    if segment is None:
        return True
    number, count = segment
    text = json.dumps(canonical(stored.row.key[table.hash_key.name]), sort_keys=True)
    digest = sha256(text.encode()).digest()
    return int.from_bytes(digest[:8]) * count >> 64 == number
