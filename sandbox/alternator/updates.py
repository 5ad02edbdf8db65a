"""UpdateItem."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sandbox.alternator import placeholders, write_conditions
from sandbox.alternator.call import Call, member
from sandbox.alternator.errors import ValidationError
from sandbox.alternator.values import validate_item, validate_key
from sandbox.catalog import Table
from sandbox.expressions import MalformedExpressionError, Update
from sandbox.rows import ItemJson


_RETURNED_AFTER_READING = ("ALL_OLD", "ALL_NEW", "UPDATED_OLD")
# A path on the right of `=`, or anything but paths and values.
_READING = re.compile(r"[-+(.\[]|\b(ADD|DELETE)\b|=\s*[^:\s]", re.IGNORECASE)
_KEY_UPDATE = re.compile(r"Cannot update attribute (.+)\. This attribute is part of the key")
_RETURNED = ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")


def update_item(call: Call) -> dict[str, Any]:
    """UpdateItem, with its condition."""
    table = call.table()
    returned = call.body.get("ReturnValues", "NONE")
    if returned not in _RETURNED:
        raise ValidationError(f"Unrecognized value for ReturnValues: {returned}")
    key = validate_key(call.body.get("Key"), table)
    change, condition = _update(call.body), write_conditions.parse(call.body, alone=False)
    placeholders.check(call.body, "UpdateItem", call.body.get("UpdateExpression"), call.body.get("ConditionExpression"))
    call.require("MODIFY", table)
    reads = condition is not None or returned in _RETURNED_AFTER_READING or _reads(change)
    write_conditions.prepare(call, table, reads=reads)
    with write_conditions.failures(call), _key_updates_refused():
        previous, current = call.node.items.update(
            table, key, change, condition, partial(_validate_update, call, table, key)
        )
    return _updated_answer(returned, key, previous or {}, current or {})


@contextmanager
def _key_updates_refused() -> Iterator[None]:
    """The engine refuses to update a key in DynamoDB's own words."""
    try:
        yield
    except MalformedExpressionError as error:
        match = _KEY_UPDATE.search(str(error))
        if match is None:
            raise
        raise ValidationError(f"UpdateItem cannot update key column {match[1]}") from error


def _reads(change: Update) -> bool:
    """Whether an update depends on what is there: it adds, takes away, calls a function or goes into an attribute."""
    if change.expression is not None:
        return _READING.search(change.expression) is not None
    changes = (change.attribute_updates or {}).values()
    return any(each["Action"] == "ADD" or (each["Action"] == "DELETE" and "Value" in each) for each in changes)


def _update(body: dict[str, Any]) -> Update:
    expression, attribute_updates = body.get("UpdateExpression"), body.get("AttributeUpdates")
    if expression == "":
        raise ValidationError("Empty expression in UpdateExpression is not allowed")
    if expression is not None and attribute_updates is not None:
        raise ValidationError(
            "UpdateItem does not allow both AttributeUpdates and UpdateExpression to be given together"
        )
    for name, each in (attribute_updates or {}).items():
        if member(each, "Action") not in ("PUT", "ADD", "DELETE"):
            raise ValidationError(f"Unknown Action value '{member(each, 'Action')}' in AttributeUpdates")
        if member(each, "Action") != "DELETE" and member(each, "Value") is None:
            raise ValidationError(f"AttributeUpdates of {name} must have a Value")
    names, values = (body.get(f"ExpressionAttribute{kind}") for kind in ("Names", "Values"))
    return Update(expression, names, values, attribute_updates)


def _validate_update(call: Call, table: Table, key: ItemJson, after: ItemJson) -> None:
    for name, value in key.items():
        if after.get(name) != value:
            raise ValidationError(f"UpdateItem cannot update key column {name}")
    validate_item(after, table, call.version)


def _updated_answer(returned: str, key: ItemJson, before: ItemJson, after: ItemJson) -> dict[str, Any]:
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} - key.keys()
    attributes = {
        "NONE": {},
        "ALL_OLD": before,
        "ALL_NEW": after,
        "UPDATED_OLD": {name: before[name] for name in before if name in changed},
        "UPDATED_NEW": {name: after[name] for name in after if name in changed},
    }[returned]
    return {"Attributes": attributes} if attributes else {}
