"""PutItem and BatchWriteItem."""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.alternator.call import Call
from sandbox.alternator.errors import ApiError, ValidationError, table_not_found
from sandbox.alternator.names import validate_table_name
from sandbox.alternator.tags import isolation
from sandbox.alternator.values import validate_item, validate_key
from sandbox.catalog import Table
from sandbox.items import Condition, ConditionFailedError, ItemJson


_FORBIDDEN = (
    "Read-modify-write operations are disabled by 'forbid_rmw' write isolation policy. Refer to"
    " https://github.com/scylladb/scylla/blob/master/docs/alternator/alternator.md#write-isolation-policies"
    " for more information."
)


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
    returns_old = _returns_old(call)
    item = validate_item(call.body.get("Item"), table, call.version)
    condition = _condition(call.body)
    call.require("MODIFY", table)
    conditional = condition is not None or returns_old
    if conditional and isolation(table) == "f":
        raise ValidationError(_FORBIDDEN)
    if isolation(table) == "a" or (conditional and isolation(table) == "o"):
        _note_lwt(call, [table])
    try:
        previous = call.node.items.put(table, item, condition)
    except ConditionFailedError as error:
        raise _condition_failed(call, error) from error
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
        _note_lwt(call, tables)
    for write in writes:
        if write.deletes:
            call.node.items.delete(write.table, write.item)
        else:
            call.node.items.put(write.table, write.item)
    return {"UnprocessedItems": {}}


def _returns_old(call: Call) -> bool:
    returned = call.body.get("ReturnValues", "NONE")
    if returned not in ("NONE", "ALL_OLD"):
        raise ValidationError("PutItem supports only NONE or ALL_OLD for ReturnValues")
    return bool(returned == "ALL_OLD")


def _condition(body: dict[str, Any]) -> Condition | None:
    expression, expected = body.get("ConditionExpression"), body.get("Expected")
    names, values = (body.get(f"ExpressionAttribute{kind}") for kind in ("Names", "Values"))
    if expression is None:
        for kind, given in (("Names", names), ("Values", values)):
            if given is not None:
                raise ValidationError(f"ExpressionAttribute{kind} cannot be used without ConditionExpression")
    elif not isinstance(expression, str) or not expression:
        raise ValidationError("Empty expression in ConditionExpression is not allowed")
    if expression is None and expected is None:
        return None
    return Condition(expression, names, values, expected)


def _condition_failed(call: Call, error: ConditionFailedError) -> ApiError:
    wanted = call.body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    extra = {"Item": error.item} if wanted and error.item is not None else None
    return ApiError("ConditionalCheckFailedException", str(error), extra=extra)


def _note_lwt(call: Call, tables: Iterable[Table]) -> None:
    """Make the LWT state tables that writes with LWT need, where the version has some: on tablets."""
    for table in tables:
        if call.version.paxos_tables and table.tablets and table.paxos_id is None:
            table.paxos_id = uuid.uuid1()
            call.node.data.paxos_created(table)
            call.node.catalog.schema_changed()


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
