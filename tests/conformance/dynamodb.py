"""A real DynamoDB client for tests against the sandbox, and the simplest table."""

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.node import Sandbox


def client(sandbox: Sandbox, user: str = "anybody", secret: str = "anything") -> Any:  # noqa: S107
    """A boto3 client, which signs with this key and never tries twice."""
    return boto3.client(
        "dynamodb",
        endpoint_url=sandbox.alternator.url,
        region_name="us-east-1",
        aws_access_key_id=user,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


def root(sandbox: Sandbox) -> Any:
    """A client of the superuser."""
    return client(sandbox, "cassandra", sandbox.catalog.roles["cassandra"].salted_hash)


def simple_table(name: str, **more: Any) -> dict[str, Any]:
    """A CreateTable request for a table with a text key `pk`."""
    return {
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def indexed_table(name: str) -> dict[str, Any]:
    """A CreateTable request for a table with keys `pk` and `sk`, a GSI `by_age` (a number) and an LSI `by_day`."""
    keys = {"pk": "S", "sk": "S", "age": "N", "day": "S"}
    return {
        "TableName": name,
        "KeySchema": _schema("pk", "sk"),
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": type_} for name, type_ in keys.items()],
        "GlobalSecondaryIndexes": [_index("by_age", "age")],
        "LocalSecondaryIndexes": [_index("by_day", "pk", "day")],
        "BillingMode": "PAY_PER_REQUEST",
    }


def new_index(name: str, attribute: str, type_: str = "S") -> dict[str, Any]:
    """The part of an UpdateTable request that adds a GSI."""
    return {
        "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": type_}],
        "GlobalSecondaryIndexUpdates": [{"Create": _index(name, attribute)}],
    }


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    """Code and text of an error, which is never told with another status than 400."""
    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return response["Error"]["Code"], response["Error"]["Message"]


def _schema(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def _index(name: str, *keys: str) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _schema(*keys), "Projection": {"ProjectionType": "ALL"}}
