"""Conditions of writes, and what a write that reads first takes: a table that allows it, and the state of LWT."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.alternator import placeholders
from sandbox.alternator.call import Call
from sandbox.alternator.errors import ApiError, ValidationError
from sandbox.alternator.tags import isolation
from sandbox.catalog import Table
from sandbox.expressions import Condition
from sandbox.items import ConditionFailedError


_FORBIDDEN = (
    "Read-modify-write operations are disabled by 'forbid_rmw' write isolation policy. Refer to"
    " https://github.com/scylladb/scylla/blob/master/docs/alternator/alternator.md#write-isolation-policies"
    " for more information."
)


def parse(body: dict[str, Any], *, alone: bool = True) -> Condition | None:
    """The condition of a write, None if it has none.

    Args:
        body: the request.
        alone: nothing else in the request can use names and values.

    Raises:
        ValidationError: it is empty or no text, or names and values are there for nothing.
    """
    expression, expected = placeholders.expression_of(body, "ConditionExpression"), body.get("Expected")
    names, values = (body.get(f"ExpressionAttribute{kind}") for kind in ("Names", "Values"))
    if expression is None and alone:
        for kind, given in (("Names", names), ("Values", values)):
            if given is not None:
                raise ValidationError(f"ExpressionAttribute{kind} cannot be used without ConditionExpression")
    if expression is None and expected is None:
        return None
    return Condition(expression, names, values, expected)


@contextmanager
def failures(call: Call) -> Iterator[None]:
    """A block in which a condition that doesn't hold becomes the answer that the request asks for."""
    try:
        yield
    except ConditionFailedError as error:
        wanted = call.body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        extra = {"Item": error.item} if wanted and error.item is not None else None
        raise ApiError("ConditionalCheckFailedException", str(error), extra=extra) from error


def prepare(call: Call, table: Table, *, reads: bool) -> None:
    """Refuse a write that reads first where the table forbids it, and note one that uses LWT."""
    if reads and isolation(table) == "f":
        raise ValidationError(_FORBIDDEN)
    if isolation(table) == "a" or (reads and isolation(table) == "o"):
        note_lwt(call, [table])


def note_lwt(call: Call, tables: Iterable[Table]) -> None:
    """Make the LWT state tables that writes with LWT need, where the version has some: on tablets."""
    for table in tables:
        if call.version.paxos_tables and table.tablets and table.paxos_id is None:
            table.paxos_id = uuid.uuid1()
            call.node.data.paxos_created(table)
            call.node.catalog.schema_changed()
