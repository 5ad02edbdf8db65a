"""Taking snapshots in tests, and reading the items that the sandbox wrote into them."""

import json
import zlib
from pathlib import Path
from typing import Any

from sandbox.node import Sandbox
from sandbox.sstables import MAGIC
from tests.conformance.replay import (
    alternator,
    rest,
)


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
    """All items in the data files of a directory."""
    contents = [path.read_bytes() for path in directory.glob("*-Data.db")]
    assert all(content.startswith(MAGIC) for content in contents)
    texts = [zlib.decompress(content.removeprefix(MAGIC)).decode() for content in contents]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def scan(sandbox: Sandbox, table: str) -> list[dict[str, Any]]:
    """All items of a table, as clients see them."""
    items = json.loads(alternator(sandbox, "Scan", {"TableName": table}).body)["Items"]
    assert isinstance(items, list)
    return items


def in_order(items: list[dict[str, Any]]) -> list[str]:
    """Items as texts, sorted."""
    return sorted(json.dumps(item, sort_keys=True) for item in items)
