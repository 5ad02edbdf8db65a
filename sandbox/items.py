"""The items of all tables of a node, with moto's DynamoDB as the engine for storing, conditions and filters."""

import base64
import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType

from sandbox.catalog import Catalog, Index, Key, Table


ItemJson = dict[str, dict[str, Any]]
"""An item or a key as DynamoDB JSON: attribute -> {type: value}."""

TOMBSTONE: dict[str, dict[str, Any]] = {":deleted": {"TOMBSTONE": True}}
"""What a deleted item has beside its key among the unflushed ones; no client can write a value of that type."""

_PAGE_SIZE_BYTES = 1024 * 1024


class ConditionFailedError(Exception):
    """The condition of a write does not hold. `item` is the item as it is, None where there is none."""

    def __init__(self, item: ItemJson | None) -> None:
        super().__init__("The conditional request failed")
        self.item = item


class MalformedExpressionError(ValueError):
    """An expression can't be parsed, or the engine refuses the item."""


class ShownTableError(Exception):
    """The table shows recorded files, whose items nobody here can read."""

    def __init__(self) -> None:
        super().__init__("this table shows recorded files")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition or a filter: the expression with its names and values, or the older `Expected` map."""

    expression: str | None = None
    names: dict[str, str] | None = None
    values: dict[str, dict[str, Any]] | None = None
    expected: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What one page of a scan is asked for.

    Attributes:
        limit: most items to look at, None for as many as a page holds.
        start: key after which the page starts.
        condition: filter; items that it drops count as looked at.
        index: only items that are in this index.
        segment: number of the segment and how many there are.
    """

    limit: int | None = None
    start: ItemJson | None = None
    condition: Condition | None = None
    index: Index | None = None
    segment: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a scan; `last_key` is None only when nothing can follow."""

    items: list[ItemJson]
    scanned_count: int
    last_key: ItemJson | None


class Items:
    """The items of one node's tables. All validation stands in front: keys here have the right types.

    Args:
        catalog: the node's state, whose lock guards this too.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._lock = catalog.lock
        # A backend of one's own: moto's global ones are shared by everything in the process.
        self._backend = DynamoDBBackend("us-east-1", "123456789012")
        self._unflushed: dict[str, dict[str, ItemJson]] = {}
        self._shown: set[str] = set()

    def create(self, table: Table) -> None:
        """Make room for a new table's items."""
        keys = [key for key in (table.hash_key, table.range_key) if key is not None]
        with self._lock:
            self._backend.create_table(
                table.name,
                schema=[
                    {"AttributeName": key.name, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
                throughput=None,
                attr=[{"AttributeName": key.name, "AttributeType": key.type} for key in keys],
                global_indexes=None,
                indexes=None,
                streams=None,
                billing_mode="PAY_PER_REQUEST",
                sse_specification=None,
                tags=[],
                deletion_protection_enabled=False,
                warm_throughput=None,
            )
            self._unflushed[table.name] = {}

    def drop(self, table: Table) -> None:
        """Forget a table's items."""
        with self._lock:
            self._backend.delete_table(table.name)
            del self._unflushed[table.name]
            self._shown.discard(table.name)

    def put(self, table: Table, item: ItemJson, condition: Condition | None = None) -> ItemJson | None:
        """Write an item over what was under its key.

        Returns:
            The item that was there.

        Raises:
            ConditionFailedError: nothing is written.
            MalformedExpressionError: the condition can't be parsed.
            ShownTableError: the table shows recorded files.
        """
        condition = condition or Condition()
        with self._lock:
            previous = self.get(table, item)
            try:
                self._backend.put_item(
                    table.name,
                    item,
                    condition.expected,
                    condition.expression,
                    condition.names,
                    condition.values,
                )
            except ConditionalCheckFailed as error:
                raise ConditionFailedError(previous) from error
            except (JsonRESTError, ValueError) as error:
                raise MalformedExpressionError(_text(error)) from error
            self._note(table, item, item)
            return previous

    def delete(self, table: Table, key: ItemJson) -> ItemJson | None:
        """Delete the item with that key, if there is one, and return it."""
        with self._lock:
            previous = self.get(table, key)
            self._backend.delete_item(table.name, _key_of(table, key))
            self._note(table, key, _key_of(table, key) | TOMBSTONE)
            return previous

    def get(self, table: Table, key: ItemJson) -> ItemJson | None:
        """The item with that key; `key` may hold more attributes."""
        with self._lock:
            self._refuse_shown(table)
            found = self._backend.get_item(table.name, _key_of(table, key))
            return None if found is None else _wire(found)

    def scan(self, table: Table, request: ScanRequest | None = None) -> Page:
        """One page of a table's items, in the order of their keys.

        Like the real node, a page that its limit ended has a last key, even if no item follows.
        """
        request = request or ScanRequest()
        with self._lock:
            self._refuse_shown(table)
            seen: list[ItemJson] = []
            matching: list[ItemJson] = []
            size_bytes = 0
            last_key: ItemJson | None = None
            matches = _filter(request.condition)
            for item in self._from(table, request):
                seen.append(_wire(item))
                size_bytes += item.size()
                if matches.expr(item):
                    matching.append(seen[-1])
                if len(seen) == request.limit or size_bytes >= _PAGE_SIZE_BYTES:
                    last_key = _key_of(table, seen[-1], request.index)
                    break
            return Page(matching, len(seen), last_key)

    def unflushed_count(self, table: Table) -> int:
        """How many items wait for the next flush."""
        with self._lock:
            return len(self._unflushed[table.name])

    def take_unflushed(self, table: Table) -> list[ItemJson]:
        """The items written since the last call, in the order of their keys; deleted ones are key and `TOMBSTONE`."""
        with self._lock:
            taken, self._unflushed[table.name] = self._unflushed[table.name], {}
            return [item for _, item in sorted(taken.items())]

    def mark_shown(self, table: Table) -> None:
        """From now on the table shows recorded files: reading and writing its items is an error."""
        with self._lock:
            self._shown.add(table.name)

    def _from(self, table: Table, request: ScanRequest) -> Iterator[Any]:
        items = self._backend.get_table(table.name).all_items()
        if request.start is not None:
            start = _position(table, {name: DynamoType(value) for name, value in request.start.items()})
            items = items[bisect_right(items, start, key=lambda item: _position(table, item.attrs)) :]
        for item in items:
            if _in_segment(item, request.segment) and _in_index(item, request.index):
                yield item

    def _note(self, table: Table, key: ItemJson, item: ItemJson) -> None:
        self._unflushed[table.name][json.dumps(_key_of(table, key), sort_keys=True)] = item

    def _refuse_shown(self, table: Table) -> None:
        if table.name in self._shown:
            raise ShownTableError


def _keys(table: Table, index: Index | None = None) -> list[Key]:
    keys = [table.hash_key, table.range_key]
    if index is not None:
        keys += [index.hash_key, index.range_key]
    return [key for key in keys if key is not None]


def _key_of(table: Table, item: ItemJson, index: Index | None = None) -> ItemJson:
    return {key.name: item[key.name] for key in _keys(table, index)}


def _position(table: Table, attributes: dict[str, DynamoType]) -> tuple[Any, ...]:
    return tuple(attributes[key.name].cast_value for key in _keys(table))


def _in_segment(item: Any, segment: tuple[int, int] | None) -> bool:
    if segment is None:
        return True
    number, count = segment
    digest = sha256(str(item.hash_key.cast_value).encode()).digest()
    return int.from_bytes(digest[:8]) * count >> 64 == number


def _in_index(item: Any, index: Index | None) -> bool:
    if index is None:
        return True
    keys = [key for key in (index.hash_key, index.range_key) if key is not None]
    return all(key.name in item.attrs and item.attrs[key.name].type == key.type for key in keys)


def _filter(condition: Condition | None) -> Any:
    condition = condition or Condition()
    try:
        return get_filter_expression(condition.expression, condition.names, condition.values)
    except (JsonRESTError, ValueError) as error:
        raise MalformedExpressionError(_text(error)) from error


def _text(error: Exception) -> str:
    return str(getattr(error, "message", error))


def _wire(item: Any) -> ItemJson:
    # Not moto's own to_json, which decodes binary values inside of lists and maps.
    return {name: _wire_value(value) for name, value in item.attrs.items()}


def _wire_value(value: DynamoType) -> dict[str, Any]:
    inner = value.value
    if value.is_map():
        inner = {name: _wire_value(child) for name, child in inner.items()}
    elif value.is_list():
        inner = [_wire_value(child) for child in inner]
    elif isinstance(inner, bytes):
        inner = base64.b64encode(inner).decode()
    return {value.type: inner}
