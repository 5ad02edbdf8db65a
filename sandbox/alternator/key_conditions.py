"""Which items a Query reads: `KeyConditionExpression`, or the older `KeyConditions`."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.alternator.errors import ValidationError
from sandbox.catalog import Index, Key, Table
from sandbox.ordering import sort_value
from sandbox.rows import Value
from sandbox.scanning import KeyCondition


_TESTS: dict[str, Callable[[Any, Sequence[Any]], bool]] = {
    "EQ": lambda given, limits: bool(given == limits[0]),
    "LT": lambda given, limits: bool(given < limits[0]),
    "LE": lambda given, limits: bool(given <= limits[0]),
    "GT": lambda given, limits: bool(given > limits[0]),
    "GE": lambda given, limits: bool(given >= limits[0]),
    "BETWEEN": lambda given, limits: bool(limits[0] <= given <= limits[1]),
    "BEGINS_WITH": lambda given, limits: bool(given.startswith(limits[0])),
}
_OTHER_OPERATORS = ("NE", "IN", "NULL", "NOT_NULL", "CONTAINS", "NOT_CONTAINS")

_TERM = r"[#:]?\w[\w.]*"
_COMPARISON = re.compile(rf"({_TERM})\s*(<>|<=|>=|=|<|>)\s*({_TERM})", re.ASCII)
_BETWEEN = re.compile(rf"({_TERM})\s+BETWEEN\s+({_TERM})\s+AND\s+({_TERM})", re.ASCII | re.IGNORECASE)
_BEGINS_WITH = re.compile(rf"begins_with\s*\(\s*({_TERM})\s*,\s*({_TERM})\s*\)", re.ASCII)
_AND = re.compile(r"(?<![#:.\w])AND\b", re.IGNORECASE)
_UNSUPPORTED = {"OR": "cannot use OR", "NOT": "cannot use NOT", "IN": "does not support IN operator"}
_OPERATORS = {"=": "EQ", "<>": "NE", "<": "LT", "<=": "LE", ">": "GT", ">=": "GE"}
# What an operator becomes where the value stands first.
_MIRRORED = {"LT": "GT", "LE": "GE", "GT": "LT", "GE": "LE"}


@dataclass(frozen=True, slots=True)
class _Restriction:
    attribute: str
    operator: str
    values: tuple[Value, ...]


def parse(body: dict[str, Any], table: Table, index: Index | None) -> KeyCondition:
    """The condition of a Query on a table or one of its indexes.

    Raises:
        ValidationError: it is malformed, or none on the partition key.
    """
    conditions, expression = body.get("KeyConditions"), body.get("KeyConditionExpression")
    if conditions is None and expression is None:
        raise ValidationError("Query must have one of KeyConditions or KeyConditionExpression")
    if conditions is not None and expression is not None:
        raise ValidationError("Query does not allow both KeyConditions and KeyConditionExpression to be given together")
    keys = _keys(table, index)
    if expression is None:
        return _from_conditions(conditions, *keys)
    return _from_expression(expression, body, *keys)


def _keys(table: Table, index: Index | None) -> tuple[Key, Key | None]:
    if index is None:
        return table.hash_key, table.range_key
    return index.hash_key, index.range_key


def _from_conditions(conditions: Any, hash_key: Key, range_key: Key | None) -> KeyCondition:
    if not isinstance(conditions, dict):
        raise ValidationError("JSON assert failed on condition 'IsObject()'")
    restrictions = {name: _restriction(name, each) for name, each in conditions.items()}
    partition = restrictions.pop(hash_key.name, None)
    if partition is None:
        raise ValidationError(f"Query missing condition on hash key '{hash_key.name}'")
    if partition.operator != "EQ":
        raise ValidationError(
            f'Hash key can only be restricted with equality operator (EQ). "{partition.operator}" not supported.'
        )
    if not restrictions:
        return _condition(hash_key, partition, range_key, None)
    if range_key is None or range_key.name not in restrictions or len(restrictions) > 1:
        name = "" if range_key is None else range_key.name
        raise ValidationError(f"Query missing condition on sort key '{name}'")
    sort = restrictions[range_key.name]
    if sort.operator not in _TESTS:
        raise ValidationError(f'Operator "{sort.operator}" not supported for sort key')
    if sort.operator == "BEGINS_WITH" and range_key.type == "N":
        raise ValidationError("BEGINS_WITH operator cannot be applied to type N")
    return _condition(hash_key, partition, range_key, sort)


def _restriction(name: str, condition: Any) -> _Restriction:
    operator = condition.get("ComparisonOperator") if isinstance(condition, dict) else None
    if operator not in (*_TESTS, *_OTHER_OPERATORS):
        raise ValidationError(f"Unsupported comparison operator {operator}")
    values = condition.get("AttributeValueList", [])
    wanted = 2 if operator == "BETWEEN" else 1
    if operator in _TESTS and len(values) != wanted:
        listed = json.dumps(values, separators=(",", ":"))
        raise ValidationError(f"{wanted} arguments expected for a sort key restriction: {listed}")
    return _Restriction(name, operator, tuple(values))


def _from_expression(expression: Any, body: dict[str, Any], hash_key: Key, range_key: Key | None) -> KeyCondition:
    restrictions: dict[str, _Restriction] = {}
    for each in _parsed(str(expression), body):
        if each.attribute in restrictions:
            raise ValidationError("KeyConditionExpression allows only one condition for each key")
        restrictions[each.attribute] = each
    partition = restrictions.pop(hash_key.name, None)
    if partition is not None and partition.operator != "EQ":
        raise ValidationError(
            f"KeyConditionExpression only '=' condition is supported on partition key {hash_key.name}"
        )
    sort = restrictions.pop(range_key.name, None) if range_key is not None else None
    for name in restrictions:
        raise ValidationError(f"KeyConditionExpression condition on non-key attribute {name}")
    if partition is None:
        raise ValidationError(f"KeyConditionExpression requires a condition on partition key {hash_key.name}")
    condition = _condition(hash_key, partition, range_key, sort)
    if sort is not None and sort.operator == "BEGINS_WITH" and range_key is not None and range_key.type == "N":
        raise ValidationError("KeyConditionExpression begins_with() not supported on type N")
    return condition


def _parsed(expression: str, body: dict[str, Any]) -> list[_Restriction]:
    for word, problem in _UNSUPPORTED.items():
        if re.search(rf"(?<![#:.\w]){word}\b", expression, re.IGNORECASE):
            raise ValidationError(f"KeyConditionExpression {problem}")
    names, values = body.get("ExpressionAttributeNames") or {}, body.get("ExpressionAttributeValues") or {}
    betweens, prefixes = _BETWEEN.findall(expression), _BEGINS_WITH.findall(expression)
    found = [_Restriction(_name(each[0], names), "BETWEEN", (values[each[1]], values[each[2]])) for each in betweens]
    found += [_Restriction(_name(each[0], names), "BEGINS_WITH", (values[each[1]],)) for each in prefixes]
    # With these gone there are only comparisons and AND, where brackets change nothing.
    rest = re.sub(r"[()]", " ", _BEGINS_WITH.sub(" ", _BETWEEN.sub(" ", expression)))
    parts = [part.strip() for part in _AND.split(rest)]
    if parts.count("") != len(found):
        raise _unparsable(expression)
    return found + [_comparison(part, expression, names, values) for part in parts if part]


def _comparison(text: str, expression: str, names: dict[str, str], values: dict[str, Value]) -> _Restriction:
    comparison = _COMPARISON.fullmatch(text)
    if comparison is None:
        raise _unparsable(expression)
    left, operator, right = comparison[1], _OPERATORS[comparison[2]], comparison[3]
    if operator == "NE":
        raise ValidationError("KeyConditionExpression does not support NE operator")
    if left.startswith(":"):
        left, right, operator = right, left, _MIRRORED.get(operator, operator)
    if not right.startswith(":"):
        raise ValidationError("KeyConditionExpression must compare a key with a value")
    return _Restriction(_name(left, names), operator, (values[right],))


def _unparsable(expression: str) -> ValidationError:
    return ValidationError(f"Failed parsing KeyConditionExpression '{expression}': syntax error at char 0")


def _name(text: str, names: dict[str, str]) -> str:
    if "." in text:
        raise ValidationError("KeyConditionExpression does not support nested attributes")
    return names.get(text, text)


def _condition(
    hash_key: Key, partition: _Restriction, range_key: Key | None, sort: _Restriction | None
) -> KeyCondition:
    _require_type(hash_key, partition.values)
    if sort is None or range_key is None:
        return KeyCondition(partition.values[0])
    _require_type(range_key, sort.values)
    test, limits = _TESTS[sort.operator], [sort_value(value) for value in sort.values]
    return KeyCondition(partition.values[0], lambda given: test(given, limits))


def _require_type(key: Key, values: Sequence[Value]) -> None:
    for value in values:
        type_ = next(iter(value), "") if isinstance(value, dict) else ""
        if type_ != key.type:
            raise ValidationError(
                f'Type mismatch: expected type {key.type} for key column {key.name}, got type "{type_}"'
            )
