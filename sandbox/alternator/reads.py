"""GetItem, Query and Scan."""

from typing import Any

from sandbox import scanning
from sandbox.alternator import key_conditions, placeholders, projection, read_parameters
from sandbox.alternator.call import Call
from sandbox.alternator.errors import ApiError, ValidationError
from sandbox.alternator.values import validate_key


_MAX_SEGMENTS = 1_000_000
# Better refused than done as if it were not there.
_NOT_PLAYED = ("ConditionalOperator",)


def get_item(call: Call) -> dict[str, Any]:
    """GetItem; the answer is empty where there is none."""
    table = call.table()
    key = validate_key(call.body.get("Key"), table)
    placeholders.check(call.body, "GetItem", call.body.get("ProjectionExpression"))
    paths = projection.parse(call.body)
    call.require("SELECT", table)
    found = call.node.items.get(table, key)
    return {} if found is None else {"Item": projection.project(found, paths)}


def query(call: Call) -> dict[str, Any]:
    """Query of a partition of a table or an index: one page."""
    table, index = read_parameters.target(call)
    request = read_parameters.page_request(call, table, index, "QueryFilter")
    forward = call.body.get("ScanIndexForward", True)
    if not isinstance(forward, bool):
        raise ValidationError(f"Expected boolean value for attribute ScanIndexForward, got: {forward}")
    placeholders.expression_of(call.body, "KeyConditionExpression")
    _check_placeholders(call, "Query")
    condition = key_conditions.parse(call.body, table, index)
    read_parameters.require_select(call, table, index)
    if index is not None and not forward and not call.version.reverse_queries_of_indexes:
        view = f"{table.keyspace}.{table.view_name(index)}"
        raise ApiError(
            "InternalServerError",
            "Internal server error: seastar::internal::backtraced<std::runtime_error>"
            f" (Tried to build a global schema for view {view} with an uninitialized base info)",
            status=500,
        )
    page = scanning.query(call.node.items, table, request, condition, forward=forward)
    return read_parameters.answer(call, page, index)


def scan(call: Call) -> dict[str, Any]:
    """Scan of a table or an index: one page."""
    table, index = read_parameters.target(call)
    request = read_parameters.page_request(call, table, index, "ScanFilter")
    segment = _segment(call)
    _check_placeholders(call, "Scan")
    read_parameters.require_select(call, table, index)
    page = scanning.scan(call.node.items, table, request, segment)
    return read_parameters.answer(call, page, index)


def _check_placeholders(call: Call, operation: str) -> None:
    for name in _NOT_PLAYED:
        if name in call.body:
            raise ValidationError(f"{name} is not played by the sandbox")
    names = ("KeyConditionExpression", "FilterExpression", "ProjectionExpression")
    placeholders.check(call.body, operation, *(call.body.get(name) for name in names))


def _segment(call: Call) -> tuple[int, int] | None:
    segment, total = call.body.get("Segment"), call.body.get("TotalSegments")
    if segment is None and total is None:
        return None
    if segment is None or total is None:
        raise ValidationError("Both Segment and TotalSegments attributes need to be present for a parallel scan")
    if not 0 <= segment < total:
        raise ValidationError("Segment must be non-negative and less than TotalSegments")
    if total > _MAX_SEGMENTS:
        raise ValidationError("TotalSegments must be non-negative and less or equal to 1000000")
    return segment, total
