"""Taking snapshots in tests, and reading the items that the sandbox wrote into them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.items import key_text
from sandbox.node import Sandbox
from sandbox.sstable_data import decode
from tests.conformance.replay import (
    alternator,
    rest,
)


if TYPE_CHECKING:
    from sandbox.rows import Row


TAG = "1733313018"
AGE_INDEX = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "age", "AttributeType": "N"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_age",
            "KeySchema": [{"AttributeName": "age", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def take(sandbox: Sandbox, keyspace: str, tag: str = TAG, **query: str) -> Path:
    """Take a snapshot and return the keyspace's directory."""
    answer = rest(sandbox, "POST", "/storage_service/snapshots", {"tag": tag, "kn": keyspace, **query})
    assert answer.status == 200, answer
    return sandbox.data_directory / keyspace


def taken(sandbox: Sandbox, name: str, tag: str = TAG) -> Path:
    """Take a snapshot of a table alone and return the snapshot's directory."""
    keyspace = take(sandbox, f"alternator_{name}", tag, cf=name)
    [directory] = keyspace.glob(f"{name}-*/snapshots/{tag}")
    return directory


def items_of(directory: Path) -> list[dict[str, Any]]:
    """All items in the data files of a directory, whose rows are merged."""
    merged: dict[str, Row] = {}
    for path in directory.glob("*-Data.db"):
        for row in decode(path.read_bytes())[1]:
            earlier = merged.get(key_text(row.key))
            merged[key_text(row.key)] = row if earlier is None else earlier.merged(row)
    return [item for row in merged.values() if (item := row.item()) is not None]


def scan(sandbox: Sandbox, table: str) -> list[dict[str, Any]]:
    """All items of a table, as clients see them."""
    items = json.loads(alternator(sandbox, "Scan", {"TableName": table}).body)["Items"]
    assert isinstance(items, list)
    return items


def in_order(items: list[dict[str, Any]]) -> list[str]:
    """Items as texts, sorted."""
    return sorted(json.dumps(item, sort_keys=True) for item in items)
