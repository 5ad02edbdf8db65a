"""GetItem and Scan."""

from typing import Any

from sandbox.alternator.call import Call
from sandbox.alternator.errors import ValidationError, table_not_found
from sandbox.alternator.names import validate_index_name
from sandbox.alternator.values import validate_key
from sandbox.catalog import Index, Table
from sandbox.items import Condition, ItemJson, ScanRequest


_MAX_SEGMENTS = 1_000_000
# Parts of the two requests that are not played: better refused than done as if they were not there.
_NOT_PLAYED = ("AttributesToGet", "ProjectionExpression", "ScanFilter", "ConditionalOperator")


def get_item(call: Call) -> dict[str, Any]:
    """GetItem of a whole item; the answer is empty where there is none."""
    table = call.table()
    key = validate_key(call.body.get("Key"), table)
    _refuse_not_played(call)
    call.require("SELECT", table)
    found = call.node.items.get(table, key)
    return {} if found is None else {"Item": found}


def scan(call: Call) -> dict[str, Any]:
    """Scan of a table or an index: one page."""
    table, index = _target(call)
    counts_only = _counts_only(call, index)
    request = ScanRequest(
        limit=_limit(call),
        start=_start(call, table, index),
        condition=_filter(call),
        index=index,
        segment=_segment(call),
    )
    _refuse_not_played(call)
    call.require("SELECT", table, view=None if index is None else table.view_name(index))
    page = call.node.items.scan(table, request)
    answer: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.scanned_count}
    if not counts_only:
        answer["Items"] = page.items
    if page.last_key is not None:
        answer["LastEvaluatedKey"] = page.last_key
    return answer


def _target(call: Call) -> tuple[Table, Index | None]:
    name = call.table_name()
    index_name = call.body.get("IndexName")
    table = call.node.catalog.tables.get(name)
    if index_name is not None:
        if not isinstance(index_name, str):
            raise ValidationError(f"Non-string IndexName '{index_name}'")
        validate_index_name(name, index_name, local=False)
    if table is None:
        raise table_not_found(name)
    if index_name is None:
        return table, None
    index = next((index for index in table.indexes if index.name == index_name), None)
    if index is None:
        raise ValidationError(f"Requested resource not found: Index '{index_name}' for table '{name}'")
    if call.body.get("ConsistentRead") and not index.local:
        raise ValidationError("Consistent reads are not allowed on global indexes (GSI)")
    return table, index


def _limit(call: Call) -> int | None:
    limit = call.body.get("Limit")
    if limit is None:
        return None
    if not isinstance(limit, int) or limit <= 0:
        raise ValidationError("Limit must be greater than 0")
    return limit


def _start(call: Call, table: Table, index: Index | None) -> ItemJson | None:
    start = call.body.get("ExclusiveStartKey")
    if start is None or not isinstance(start, dict):
        return None
    index_keys = [] if index is None else [index.hash_key, index.range_key]
    table_keys = {key.name for key in (table.hash_key, table.range_key) if key is not None}
    extra = {key.name for key in index_keys if key is not None} - table_keys
    return validate_key({name: value for name, value in start.items() if name not in extra}, table)


def _filter(call: Call) -> Condition | None:
    expression = call.body.get("FilterExpression")
    names, values = (call.body.get(f"ExpressionAttribute{kind}") for kind in ("Names", "Values"))
    if expression is None:
        return None
    if not isinstance(expression, str) or not expression:
        raise ValidationError("Empty expression in FilterExpression is not allowed")
    return Condition(expression, names, values)


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


def _counts_only(call: Call, index: Index | None) -> bool:
    select = call.body.get("Select")
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise ValidationError("ALL_PROJECTED_ATTRIBUTES only allowed for indexes")
    if select == "SPECIFIC_ATTRIBUTES":
        raise ValidationError("Select=SPECIFIC_ATTRIBUTES requires AttributesToGet or ProjectionExpression")
    if select not in (None, "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"):
        raise ValidationError(
            f"Unknown Select value '{select}'. Allowed choices: ALL_ATTRIBUTES, SPECIFIC_ATTRIBUTES,"
            " ALL_PROJECTED_ATTRIBUTES, COUNT"
        )
    return bool(select == "COUNT")


def _refuse_not_played(call: Call) -> None:
    for name in _NOT_PLAYED:
        if name in call.body:
            raise ValidationError(f"{name} is not played by the sandbox")
