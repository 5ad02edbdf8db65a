"""What Scan and Query have in common: the table or index that they read, the page, the filter, the attributes."""

from typing import Any

from sandbox.alternator import placeholders, projection
from sandbox.alternator.call import Call
from sandbox.alternator.errors import ValidationError, table_not_found
from sandbox.alternator.names import validate_index_name
from sandbox.alternator.values import validate_key
from sandbox.catalog import Index, Table
from sandbox.column_families import view, view_keys
from sandbox.expressions import Condition
from sandbox.rows import ItemJson
from sandbox.scanning import Page, PageRequest


def target(call: Call) -> tuple[Table, Index | None]:
    """The table that a request reads, and the index if it names one.

    Raises:
        ValidationError: there can't be, or isn't, such an index.
        ResourceNotFoundError: there is no such table.
    """
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


def page_request(call: Call, table: Table, index: Index | None, older_filter: str) -> PageRequest:
    """What a page is asked for; `older_filter` is what the operation called its filter before there were expressions.

    Raises:
        ValidationError: a parameter is malformed.
    """
    return PageRequest(_limit(call), _start(call, table, index), _filter(call, older_filter), index)


def answer(call: Call, page: Page, index: Index | None) -> dict[str, Any]:
    """The answer with a page.

    Raises:
        ValidationError: what it is to hold is malformed.
    """
    counts_only, paths = _counts_only(call, index), projection.parse(call.body)
    result: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.scanned_count}
    if not counts_only:
        result["Items"] = [projection.project(item, paths) for item in page.items]
    if page.last_key is not None:
        result["LastEvaluatedKey"] = page.last_key
    return result


def require_select(call: Call, table: Table, index: Index | None) -> None:
    """Refuse who may not read the table, or the view behind its index."""
    call.require("SELECT", table, view=None if index is None else table.view_name(index))


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
    if index is None:
        return validate_key(start, table)
    wanted = [key.name for key in view_keys(view(table, index))]
    for name in wanted:
        if name not in start:
            raise ValidationError(f"Key column {name} not found")
    base = {key.name for key in (table.hash_key, table.range_key) if key is not None}
    validate_key({name: value for name, value in start.items() if name in base or name not in wanted}, table)
    return start


def _filter(call: Call, older_filter: str) -> Condition | None:
    expression = placeholders.expression_of(call.body, "FilterExpression")
    older = call.body.get(older_filter)
    if expression is not None and older is not None:
        raise ValidationError(f"FilterExpression and {older_filter} cannot be given together")
    if older is not None:
        return Condition(expected=older)
    if expression is None:
        return None
    names, values = (call.body.get(f"ExpressionAttribute{kind}") for kind in ("Names", "Values"))
    return Condition(expression, names, values)


def _counts_only(call: Call, index: Index | None) -> bool:
    select = call.body.get("Select")
    projects = "AttributesToGet" in call.body or "ProjectionExpression" in call.body
    if projects and select not in (None, "SPECIFIC_ATTRIBUTES"):
        raise ValidationError(
            "AttributesToGet or ProjectionExpression require Select to be either SPECIFIC_ATTRIBUTES or missing"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise ValidationError("ALL_PROJECTED_ATTRIBUTES only allowed for indexes")
    if select == "SPECIFIC_ATTRIBUTES" and not projects:
        raise ValidationError("Select=SPECIFIC_ATTRIBUTES requires AttributesToGet or ProjectionExpression")
    if select not in (None, "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES"):
        raise ValidationError(
            f"Unknown Select value '{select}'. Allowed choices: ALL_ATTRIBUTES, SPECIFIC_ATTRIBUTES,"
            " ALL_PROJECTED_ATTRIBUTES, COUNT"
        )
    return bool(select == "COUNT")
