"""PutItem, DeleteItem and BatchWriteItem."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.alternator import placeholders, write_conditions
from sandbox.alternator.call import Call
from sandbox.alternator.errors import ValidationError, table_not_found
from sandbox.alternator.names import validate_table_name
from sandbox.alternator.tags import isolation
from sandbox.alternator.values import validate_item, validate_key
from sandbox.catalog import Table
from sandbox.rows import ItemJson


@dataclass(frozen=True, slots=True)
class _Write:
    """One item of a batch, to be put or, if there is only its key, deleted."""

    table: Table
    item: ItemJson
    deletes: bool

    def key(self) -> str:
        keys = [key.name for key in (self.table.hash_key, self.table.range_key) if key is not None]
        return json.dumps([self.item[name] for name in keys])


def put_item(call: Call) -> dict[str, Any]:
    """PutItem, with its condition."""
    table = call.table()
    returns_old = _returns_old(call, "PutItem")
    item = validate_item(call.body.get("Item"), table, call.version)
    condition = write_conditions.parse(call.body)
    _check_placeholders(call, "PutItem")
    call.require("MODIFY", table)
    write_conditions.prepare(call, table, reads=condition is not None or returns_old)
    with write_conditions.failures(call):
        previous = call.node.items.put(table, item, condition)
    return {"Attributes": previous} if returns_old and previous is not None else {}


def delete_item(call: Call) -> dict[str, Any]:
    """DeleteItem, with its condition."""
    table = call.table()
    returns_old = _returns_old(call, "DeleteItem")
    key = validate_key(call.body.get("Key"), table)
    condition = write_conditions.parse(call.body)
    _check_placeholders(call, "DeleteItem")
    call.require("MODIFY", table)
    write_conditions.prepare(call, table, reads=condition is not None or returns_old)
    with write_conditions.failures(call):
        previous = call.node.items.delete(table, key, condition)
    return {"Attributes": previous} if returns_old and previous is not None else {}


def batch_write_item(call: Call) -> dict[str, Any]:
    """BatchWriteItem: all requests are checked before any of them is done."""
    requests = call.body.get("RequestItems")
    if not isinstance(requests, dict):
        raise ValidationError("JSON parameter RequestItems not found")
    _refuse_too_many(call, requests)
    writes = [
        write for name, listed in requests.items() for write in _parse_writes(call, _batch_table(call, name), listed)
    ]
    tables = list({write.table.name: write.table for write in writes}.values())
    for table in tables:
        call.require("MODIFY", table)
    if any(isolation(table) == "a" for table in tables):
        write_conditions.note_lwt(call, tables)
    for write in writes:
        if write.deletes:
            call.node.items.delete(write.table, write.item)
        else:
            call.node.items.put(write.table, write.item)
    return {"UnprocessedItems": {}}


def _returns_old(call: Call, operation: str) -> bool:
    returned = call.body.get("ReturnValues", "NONE")
    if not isinstance(returned, str):
        raise ValidationError(f"Expected string value for ReturnValues, got: {json.dumps(returned)}")
    if returned not in ("NONE", "ALL_OLD"):
        raise ValidationError(f"{operation} supports only NONE or ALL_OLD for ReturnValues")
    return bool(returned == "ALL_OLD")


def _check_placeholders(call: Call, operation: str) -> None:
    placeholders.check(call.body, operation, call.body.get("ConditionExpression"))


def _refuse_too_many(call: Call, requests: dict[str, Any]) -> None:
    count = sum(len(listed) for listed in requests.values() if isinstance(listed, list))
    most = call.version.batch_write_max_items
    if most is not None and count > most:
        raise ValidationError(
            f"Invalid length of BatchWriteItem command, got {count} items, maximum is {most}"
            " (from configuration variable alternator_max_items_in_batch_write)"
        )


def _batch_table(call: Call, name: str) -> Table:
    table = call.node.catalog.tables.get(name)
    if table is None:
        validate_table_name(name, call.version.table_name_max_length)
        raise table_not_found(name)
    return table


def _parse_writes(call: Call, table: Table, listed: Any) -> Iterator[_Write]:
    seen: set[str] = set()
    for request in listed if isinstance(listed, list) else [listed]:
        if not isinstance(request, dict) or len(request) != 1:
            raise ValidationError(f"Invalid BatchWriteItem request: {json.dumps(request)}")
        [(kind, argument)] = request.items()
        if kind == "PutRequest":
            write = _Write(table, validate_item(argument.get("Item"), table, call.version), deletes=False)
        elif kind == "DeleteRequest":
            write = _Write(table, validate_key(argument.get("Key"), table), deletes=True)
        else:
            raise ValidationError(f"Unknown BatchWriteItem request type: {kind}")
        if write.key() in seen:
            raise ValidationError("Provided list of item keys contains duplicates")
        seen.add(write.key())
        yield write
