"""Conditions, filters and updates of items, evaluated by moto's DynamoDB."""

import base64
import copy
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.comparisons import get_expected, get_filter_expression
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.dynamo_type import Item as MotoItem

from sandbox.catalog import Table
from sandbox.column_families import primary_key
from sandbox.rows import ItemJson, Value


class MalformedExpressionError(ValueError):
    """An expression can't be parsed, or not be applied to the item."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition or a filter: the expression with its names and values, or the older `Expected` map."""

    expression: str | None = None
    names: dict[str, str] | None = None
    values: dict[str, Value] | None = None
    expected: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """An UpdateExpression with its names and values, or the older `AttributeUpdates` map."""

    expression: str | None = None
    names: dict[str, str] | None = None
    values: dict[str, Value] | None = None
    attribute_updates: dict[str, Any] | None = None


class Filter:
    """A condition, parsed once.

    Args:
        condition: None holds for everything.

    Raises:
        MalformedExpressionError: it can't be parsed.
    """

    def __init__(self, condition: Condition | None) -> None:
        self._operations: list[Any] = []
        if condition is None:
            return
        try:
            if condition.expected:
                self._operations.append(get_expected(condition.expected))
            if condition.expression is not None:
                self._operations.append(get_filter_expression(condition.expression, condition.names, condition.values))
        except (JsonRESTError, ValueError) as error:
            raise MalformedExpressionError(_text(error)) from error

    def holds(self, table: Table, item: ItemJson | None) -> bool:
        """Whether it holds for an item of the table, or for there being none.

        Raises:
            MalformedExpressionError: it makes no sense for this item.
        """
        if not self._operations:
            return True
        try:
            engine_item = None if item is None else _engine_item(table, item)
            return all(operation.expr(engine_item) for operation in self._operations)
        except (JsonRESTError, ValueError) as error:
            raise MalformedExpressionError(_text(error)) from error


def updated(table: Table, key: ItemJson, item: ItemJson | None, change: Update) -> ItemJson:
    """The item as an update makes it of what was there, which may be nothing.

    Raises:
        MalformedExpressionError: the update can't be parsed or applied.
    """
    # A backend of one's own: moto's global ones are shared by everything in the process.
    backend = DynamoDBBackend("us-east-1", "123456789012")
    _create(backend, table)
    if item is not None:
        # The engine works on what it is given.
        backend.put_item(table.name, copy.deepcopy(item))
    try:
        result = backend.update_item(
            table.name,
            key,
            change.expression or "",
            change.names or {},
            change.values or {},
            (change.attribute_updates or {}) if change.expression is None else None,
        )
    except (JsonRESTError, ValueError) as error:
        raise MalformedExpressionError(_text(error)) from error
    # Not moto's own to_json, which decodes binary values inside of lists and maps.
    return {name: _value(value) for name, value in result.attrs.items()}


def _create(backend: DynamoDBBackend, table: Table) -> None:
    keys = primary_key(table)
    backend.create_table(
        table.name,
        schema=[
            {"AttributeName": key.name, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
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


def _engine_item(table: Table, item: ItemJson) -> MotoItem:
    hash_key, *range_keys = (DynamoType(item[key.name]) for key in primary_key(table))
    return MotoItem(hash_key, next(iter(range_keys), None), item)


def _text(error: Exception) -> str:
    return str(getattr(error, "message", error))


def _value(value: DynamoType) -> Value:
    inner = value.value
    if value.is_map():
        inner = {name: _value(child) for name, child in inner.items()}
    elif value.is_list():
        inner = [_value(child) for child in inner]
    elif isinstance(inner, bytes):
        inner = base64.b64encode(inner).decode()
    return {value.type: inner}
