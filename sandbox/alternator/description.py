"""How a table is described: DescribeTable, and what the answers to CreateTable and UpdateTable add."""

from typing import Any

from sandbox.alternator import streams
from sandbox.alternator.call import Call, Node
from sandbox.alternator.names import index_arn, table_arn
from sandbox.alternator.tags import SPURIOUS_RANGE_KEY
from sandbox.catalog import Catalog, Index, Key, Table, now


_ACTIVE: dict[str, Any] = {"IndexStatus": "ACTIVE"}
_BACKFILLING: dict[str, Any] = {"IndexStatus": "CREATING", "Backfilling": True}


def describe_table(call: Call) -> dict[str, Any]:
    """DescribeTable."""
    return {"Table": describe(call.node, call.table())}


def describe(node: Node, table: Table, *, deleting: bool = False) -> dict[str, Any]:
    """The table's description, the shorter one if it is being deleted."""
    created_at = _created_at(node.catalog, table)
    described: dict[str, Any] = {"TableName": table.name}
    if node.catalog.version.true_descriptions:
        described["TableSizeBytes"] = _size_bytes(node, table, deleting=deleting)
    described |= {
        "TableStatus": "DELETING" if deleting else "ACTIVE",
        "TableArn": table_arn(table),
        "TableId": str(table.id),
        **_billing(node.catalog, table, created_at),
    }
    if not deleting:
        described |= {"CreationDateTime": created_at, **_keys_and_indexes(node, table)}
    return described | streams.description(table)


def supplement(catalog: Catalog, table: Table) -> dict[str, Any]:
    """What the answers to CreateTable and UpdateTable add to the request that they repeat."""
    return {
        "CreationDateTime": _created_at(catalog, table),
        "TableStatus": "ACTIVE",
        "TableId": str(table.id),
        **streams.description(table),
    }


def _created_at(catalog: Catalog, table: Table) -> float | int:
    if catalog.version.true_descriptions:
        return round(table.created_at.timestamp(), 3)
    return int(now().timestamp())


def _size_bytes(node: Node, table: Table, *, deleting: bool) -> int:
    if table.id not in node.described_sizes_bytes and not deleting:
        node.described_sizes_bytes[table.id] = node.data.size_bytes(table)
    return node.described_sizes_bytes.get(table.id, 0)


def _billing(catalog: Catalog, table: Table, created_at: float) -> dict[str, Any]:
    known = catalog.version.true_descriptions
    return {
        "BillingModeSummary": {
            "BillingMode": table.billing_mode if known else "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": created_at,
        },
        "ProvisionedThroughput": {
            "ReadCapacityUnits": table.read_capacity_units if known else 0,
            "WriteCapacityUnits": table.write_capacity_units if known else 0,
            "NumberOfDecreasesToday": 0,
        },
    }


def _keys_and_indexes(node: Node, table: Table) -> dict[str, Any]:
    keys: list[Key] = []
    described: dict[str, Any] = {"KeySchema": _key_schema(table.hash_key, table.range_key, keys)}
    for index in table.indexes:
        entry: dict[str, Any] = {
            "IndexName": index.name,
            "IndexArn": index_arn(table, index),
            "KeySchema": _key_schema(index.hash_key, _shown_range_key(table, index), keys),
            "Projection": {"ProjectionType": "ALL"},
        }
        if node.catalog.version.true_descriptions and not index.local:
            entry |= _ACTIVE if node.views.is_built(table, index) else _BACKFILLING
        kind = "LocalSecondaryIndexes" if index.local else "GlobalSecondaryIndexes"
        described.setdefault(kind, []).append(entry)
    # A hash map puts what comes later in front (while it is small), which is what the real node's order is.
    types = {key.name: key.type for key in keys}
    described["AttributeDefinitions"] = [
        {"AttributeName": name, "AttributeType": type_} for name, type_ in reversed(types.items())
    ]
    return described


def _key_schema(hash_key: Key, range_key: Key | None, seen: list[Key]) -> list[dict[str, str]]:
    keys = [(hash_key, "HASH")] + ([(range_key, "RANGE")] if range_key is not None else [])
    seen.extend(key for key, _ in keys)
    return [{"AttributeName": key.name, "KeyType": kind} for key, kind in keys]


def _shown_range_key(table: Table, index: Index) -> Key | None:
    """The view's first clustering key, which is one of the table's keys if the client asked for none (#5320)."""
    if index.range_key is not None or SPURIOUS_RANGE_KEY in index.tags:
        return index.range_key
    added = (key for key in (table.hash_key, table.range_key) if key is not None)
    return next((key for key in added if key.name != index.hash_key.name), None)
