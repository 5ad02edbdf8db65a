"""Tables to try things with, made and filled as any client would do it, through Alternator's HTTP API."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config


BATCH_SIZE = 25
"""Most items that DynamoDB takes in one BatchWriteItem."""

FAR_FUTURE = "4102444800"
"""2100-01-01 as Unix time: when items of tables with a time to live expire."""

Item = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ExampleTable:
    """A table with items.

    Attributes:
        key: attribute name and type of the partition key and, if there are two, of the sort key.
        global_indexes, local_indexes: name of the index -> attribute name and type of its partition key, or of its
            sort key for local ones.
        tags: those that a user has set.
        time_to_live: attribute that tells when an item expires; empty for none.
        items: how many.
    """

    name: str
    key: dict[str, str]
    global_indexes: dict[str, tuple[str, str]] = field(default_factory=dict)
    local_indexes: dict[str, tuple[str, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    time_to_live: str = ""
    items: int = 0


EXAMPLE_TABLES = (
    ExampleTable(
        "users",
        {"pk": "S", "sk": "S"},
        global_indexes={"users_by_age": ("age", "N"), "by_email": ("email", "S")},
        tags={"team": "accounts", "environment": "sandbox"},
        time_to_live="expires_at",
        items=400,
    ),
    ExampleTable(
        "Game.Scores-2024",
        {"player": "S", "played_at": "N"},
        global_indexes={"by.day": ("day", "S")},
        local_indexes={"by_level": ("level", "N")},
        items=200,
    ),
    ExampleTable("...", {"key": "B"}, items=25),
    ExampleTable("-dash.", {"key": "S"}, items=25),
    ExampleTable("empty_table", {"key": "S"}),
)


class ExampleTables:
    """Makes tables on a node.

    Args:
        url: of its Alternator.
        access_key_id, secret_access_key: of a role that may create tables; anything where authorization is off.
    """

    def __init__(self, url: str, access_key_id: str = "anybody", secret_access_key: str = "anything") -> None:  # noqa: S107
        self._client = boto3.client(
            "dynamodb",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            config=Config(proxies={}, ignore_configured_endpoint_urls=True),
        )

    def make(self, table: ExampleTable) -> None:
        """Create a table, switch its time to live on, and write its items."""
        self._client.create_table(**_create_request(table))
        if table.time_to_live:
            specification = {"Enabled": True, "AttributeName": table.time_to_live}
            self._client.update_time_to_live(TableName=table.name, TimeToLiveSpecification=specification)
        items = list(_items(table))
        for start in range(0, len(items), BATCH_SIZE):
            puts = [{"PutRequest": {"Item": item}} for item in items[start : start + BATCH_SIZE]]
            self._client.batch_write_item(RequestItems={table.name: puts})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _create_request(table: ExampleTable) -> dict[str, Any]:
    hash_key = next(iter(table.key))
    attributes = table.key | dict([*table.global_indexes.values(), *table.local_indexes.values()])
    request: dict[str, Any] = {
        "TableName": table.name,
        "KeySchema": _key_schema(*table.key),
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if table.tags:
        request["Tags"] = [{"Key": key, "Value": value} for key, value in table.tags.items()]
    if table.global_indexes:
        request["GlobalSecondaryIndexes"] = [
            _index(name, attribute) for name, (attribute, _) in table.global_indexes.items()
        ]
    if table.local_indexes:
        request["LocalSecondaryIndexes"] = [
            _index(name, hash_key, attribute) for name, (attribute, _) in table.local_indexes.items()
        ]
    return request


def _key_schema(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def _index(name: str, *keys: str) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _key_schema(*keys), "Projection": {"ProjectionType": "ALL"}}


def _items(table: ExampleTable) -> Iterator[Item]:
    attributes = table.key | dict([*table.global_indexes.values(), *table.local_indexes.values()])
    expiry = {table.time_to_live: {"N": FAR_FUTURE}} if table.time_to_live else {}
    for number in range(table.items):
        keys = {name: _value(name, kind, number) for name, kind in attributes.items()}
        yield {**keys, **expiry, "note": {"S": f"{table.name} number {number}, " + "and so on " * (number % 30)}}


def _value(name: str, kind: str, number: int) -> dict[str, Any]:
    if kind == "B":
        return {"B": number.to_bytes(4, "big")}
    return {"N": str(number)} if kind == "N" else {"S": f"{name}-{number:06}"}
