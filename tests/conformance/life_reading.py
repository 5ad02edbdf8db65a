"""All of a table that a DynamoDB client can see, in a form that can be compared."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from tests.conformance.life_items import Item
from tests.conformance.life_shapes import Shape


TABLE = ""
"""Where a table stands among its indexes."""

LONG_TEXT = 500

_OTHER_EACH_TIME = frozenset(
    {
        *("TableName", "TableArn", "IndexArn", "TableId", "LatestStreamArn", "LatestStreamLabel"),
        *("CreationDateTime", "LastUpdateToPayPerRequestDateTime"),
        *("ItemCount", "TableSizeBytes", "IndexSizeBytes"),
    }
)
_DIGITS = Context(prec=200)


@dataclass(frozen=True, slots=True)
class Contents:
    """Items of a table and of each of its indexes, as texts.

    Attributes:
        scanned: what Scan finds, sorted.
        queried: what Query finds, in its order, for each value of the partition key.
    """

    scanned: Mapping[str, Sequence[str]]
    queried: Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A table.

    Attributes:
        description: what DescribeTable tells, with tags and time to live, but for what is another each time.
        contents: its items.
    """

    description: Mapping[str, Any]
    contents: Contents


def description(dynamodb: Any, table: str) -> dict[str, Any]:
    """What a client is told about a table."""
    described = dynamodb.describe_table(TableName=table)["Table"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    told: dict[str, Any] = _without_changing(described)
    return told | {
        "Tags": {tag["Key"]: tag["Value"] for tag in tags},
        "TimeToLive": dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"],
    }


def contents(dynamodb: Any, table: str) -> Contents:
    """Scan a table and its indexes, and query them for all values of their partition keys."""
    described = dynamodb.describe_table(TableName=table)["Table"]
    partition_keys = {TABLE: described["KeySchema"][0]["AttributeName"]}
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        for index in described.get(kind, ()):
            partition_keys[index["IndexName"]] = index["KeySchema"][0]["AttributeName"]
    scanned, queried = {}, {}
    for index, key in partition_keys.items():
        place = {"TableName": table} | ({"IndexName": index} if index else {})
        found = _all_pages(dynamodb, "scan", place)
        scanned[index] = sorted(map(item_text, found))
        values = {value_text(item[key]): item[key] for item in found}
        queried[index] = {text: _query(dynamodb, place, key, value) for text, value in sorted(values.items())}
    return Contents(scanned, queried)


def expected_scans(shape: Shape, items: Iterable[Item]) -> dict[str, list[str]]:
    """What Scan should find in a table of these items, and in each of its indexes."""
    places = {TABLE: shape.key_names} | shape.index_keys
    items = list(items)
    return {
        place: sorted(item_text(item) for item in items if keys and set(keys) <= item.keys())
        for place, keys in places.items()
    }


def item_text(item: Item) -> str:
    """An item as a text that equal items have in common, whatever the order of its attributes and of their sets."""
    return json.dumps({name: value_text(value) for name, value in item.items()}, sort_keys=True, ensure_ascii=False)


def value_text(value: Mapping[str, Any]) -> str:
    """The same for the value of an attribute; the hash stands for the end of a long one."""
    text = json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)
    return text if len(text) <= LONG_TEXT else f"{text[:50]}... {len(text)} {hashlib.sha256(text.encode()).hexdigest()}"


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    match kind:
        case "N":
            content = _number(content)
        case "B":
            content = b64encode(content).decode()
        case "SS":
            content = sorted(content)
        case "NS":
            content = sorted(map(_number, content))
        case "BS":
            content = sorted(b64encode(each).decode() for each in content)
        case "L":
            content = [_plain(each) for each in content]
        case "M":
            content = {name: _plain(each) for name, each in content.items()}
    return {kind: content}


def _number(text: str) -> str:
    return str(Decimal(text).normalize(_DIGITS))


def _query(dynamodb: Any, place: Mapping[str, str], key: str, value: Mapping[str, Any]) -> list[str]:
    condition = {
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": {"#key": key},
        "ExpressionAttributeValues": {":value": value},
    }
    return [item_text(item) for item in _all_pages(dynamodb, "query", {**place, **condition})]


def _all_pages(dynamodb: Any, operation: str, parameters: Mapping[str, Any]) -> list[Item]:
    pages = dynamodb.get_paginator(operation).paginate(**parameters)
    return [item for page in pages for item in page["Items"]]


def _without_changing(told: Any) -> Any:
    """Lists without their order, which means nothing, but for those of keys."""
    if isinstance(told, list):
        return sorted((_without_changing(each) for each in told), key=lambda each: json.dumps(each, sort_keys=True))
    if isinstance(told, dict):
        return {key: _without_changing(value) for key, value in told.items() if key not in _OTHER_EACH_TIME}
    return told
