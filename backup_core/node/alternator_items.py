"""A table's items through Alternator, as the node has sent them: nothing is read into their values but bytes."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup_core.node.alternator import AlternatorClient
from backup_core.node.shapes import expected_shape


Item = Mapping[str, Mapping[str, Any]]
"""An item, or a key, as DynamoDB's JSON has it: binary values are base64."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One of the equal parts that a scan is split into: `number` of `count`, from 0 on."""

    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Page:
    """What a Scan has answered; `next_key` is where the next one begins, None at the segment's end."""

    items: tuple[Item, ...]
    next_key: Item | None


def scan_page(
    alternator: AlternatorClient, name: str, segment: Segment, start: Item | None, *, limit: int | None = None
) -> Page:
    """One page of a segment of a table, consistently read.

    Args:
        alternator: the node's.
        name: of the table.
        segment: of the table.
        start: `next_key` of the page before.
        limit: most items of the page; as many as DynamoDB gives (1 MB) if None.

    Raises:
        BackupError: as for `AlternatorClient.call`.
    """
    request: dict[str, Any] = {"Segment": segment.number, "TotalSegments": segment.count, "ConsistentRead": True}
    if start is not None:
        request["ExclusiveStartKey"] = as_parameters(start)
    if limit is not None:
        request["Limit"] = limit
    answer = alternator.call("Scan", TableName=name, **request)
    with expected_shape("Scan"):
        return Page(tuple(answer["Items"]), answer.get("LastEvaluatedKey") or None)


def put_items(alternator: AlternatorClient, name: str, items: Sequence[Item]) -> tuple[Item, ...]:
    """Write items with one BatchWriteItem, over those that are there with the same keys.

    Args:
        alternator: the node's.
        name: of the table.
        items: at most 25, with different keys.

    Returns:
        Those that the node hasn't come to.

    Raises:
        BackupError: as for `call`; to send the same again does no harm.
    """
    puts = [{"PutRequest": {"Item": as_parameters(item)}} for item in items]
    answer = alternator.call("BatchWriteItem", RequestItems={name: puts})
    with expected_shape("BatchWriteItem"):
        left = (answer.get("UnprocessedItems") or {}).get(name) or ()
        return tuple(write["PutRequest"]["Item"] for write in left)


def get_item(alternator: AlternatorClient, name: str, key: Item) -> Item | None:
    """The item with a key, consistently read; None if there is none.

    Raises:
        BackupError: as for `call`.
    """
    answer = alternator.call("GetItem", TableName=name, Key=as_parameters(key), ConsistentRead=True)
    with expected_shape("GetItem"):
        return answer.get("Item") or None


def as_parameters(item: Item) -> dict[str, Any]:
    """An item or key as the client takes it: binary values are bytes, not their text."""
    with expected_shape("an item"):
        return {name: _as_parameter(value) for name, value in item.items()}


def _as_parameter(value: Mapping[str, Any]) -> dict[str, Any]:
    [(type_, content)] = value.items()
    match type_:
        case "B":
            content = base64.b64decode(content)
        case "BS":
            content = [base64.b64decode(each) for each in content]
        case "L":
            content = [_as_parameter(each) for each in content]
        case "M":
            content = {name: _as_parameter(each) for name, each in content.items()}
    return {type_: content}
