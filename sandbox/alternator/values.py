"""Attribute values in DynamoDB JSON: what Alternator takes, and what it says of the rest."""

import base64
import binascii
import json
import re
from decimal import Decimal
from typing import Any

from sandbox.alternator.errors import SerializationError, ValidationError
from sandbox.catalog import Key, Table
from sandbox.rows import ItemJson
from sandbox.version import ServerVersion


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE]([+-]?\d+))?", re.ASCII)
# More digits than any exponent that is in range, so that nothing larger is ever computed with.
_EXPONENT_MAX_DIGITS = 4
_MAX_MAGNITUDE = 125
_MIN_MAGNITUDE = -130
_MAX_PRECISION = 38


def validate_item(item: Any, table: Table, version: ServerVersion) -> ItemJson:
    """The item of a write, if the table can hold it.

    Raises:
        ValidationError: a key is missing, or a value is malformed or not of its key's type.
        SerializationError: a value is not written as its type asks for.
    """
    if not isinstance(item, dict):
        raise ValidationError("JSON parameter Item not found")
    for key in (table.hash_key, table.range_key):
        if key is not None:
            _validate_key(item, key)
    for value in item.values():
        _validate_value(value)
    for index in table.indexes:
        for key in (index.hash_key, index.range_key):
            if key is not None and key.name in item:
                _validate_index_key(item, key, version)
    return item


def validate_key(key: Any, table: Table) -> ItemJson:
    """The key of an item, if it is one of this table.

    Raises:
        ValidationError: an attribute is missing, of another type, or too many.
    """
    keys = [each for each in (table.hash_key, table.range_key) if each is not None]
    if not isinstance(key, dict):
        raise ValidationError("JSON parameter Key not found")
    for each in keys:
        _validate_key(key, each)
    if len(key) != len(keys):
        raise ValidationError("Given key attribute not in schema")
    return key


def _validate_key(item: ItemJson, key: Key) -> None:
    if key.name not in item:
        raise ValidationError(f"Key column {key.name} not found")
    value = item[key.name]
    malformed = ValidationError(f"Malformed value object for key column {key.name}: {_compact(value)}")
    if not isinstance(value, dict) or len(value) != 1:
        raise malformed
    [(type_, content)] = value.items()
    if type_ != key.type:
        raise ValidationError(f"Type mismatch: expected type {key.type} for key column {key.name}, got type {type_}")
    if not isinstance(content, str):
        raise malformed
    if not content:
        raise ValidationError(
            f"The AttributeValue for a key attribute cannot contain an empty string value. Key: {key.name}"
        )
    _validate_value(value)


def _validate_index_key(item: ItemJson, key: Key, version: ServerVersion) -> None:
    if version.real_index_columns:
        _validate_key(item, key)
        return
    [(type_, content)] = item[key.name].items()
    if type_ != key.type:
        raise ValidationError(
            f"Type mismatch: expected type {key.type} for GSI or LSI key attribute {key.name}, got type {type_}"
        )
    if not content:
        raise ValidationError(f"GSI or LSI key attribute {key.name} cannot be set to an empty string")


def _validate_value(value: Any) -> None:
    if not isinstance(value, dict) or len(value) != 1:
        raise ValidationError(f"PutItem: improperly formatted value '{_compact(value)}'")
    [(type_, content)] = value.items()
    match type_:
        case "SS" | "NS" | "BS":
            _validate_set(value, type_[0], content)
        case "L" | "M":
            _validate_children(value, content)
        case "BOOL" | "NULL":
            if not isinstance(content, bool):
                raise ValidationError(f"PutItem: improperly formatted value '{_compact(value)}'")
        case "S" | "N" | "B":
            _validate_scalar(value, type_, content)
        case _:
            raise ValidationError(f"PutItem: unknown type {type_} for value {_compact(value)}")


def _validate_set(value: Any, type_: str, content: Any) -> None:
    if not isinstance(content, list):
        raise ValidationError(f"PutItem: improperly formatted set '{_compact(value)}'")
    if not content:
        raise ValidationError("PutItem: empty set not allowed")
    for member in content:
        _validate_scalar({type_: member}, type_, member)


def _validate_children(value: Any, content: Any) -> None:
    children = content.values() if isinstance(content, dict) else content
    if not isinstance(content, dict if "M" in value else list):
        raise ValidationError(f"PutItem: improperly formatted value '{_compact(value)}'")
    for child in children:
        _validate_value(child)


def _validate_scalar(value: Any, type_: str, content: Any) -> None:
    if not isinstance(content, str):
        if type_ == "N":
            raise SerializationError(f"PutItem: number value must be encoded as string '{_compact(value)}'")
        raise ValidationError(f"PutItem: improperly formatted value '{_compact(value)}'")
    if type_ == "N":
        _validate_number(content)
    elif type_ == "B":
        try:
            base64.b64decode(content, validate=True)
        except binascii.Error:
            raise SerializationError("Invalid base64 data") from None


def _validate_number(text: str) -> None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValidationError(f"The parameter cannot be converted to a numeric value: {text}")
    exponent = match[3] or "0"
    digits = Decimal(text.lower().partition("e")[0])
    if not digits:
        return
    out_of_reach = len(exponent) > _EXPONENT_MAX_DIGITS
    shift = (-9999 if exponent.startswith("-") else 9999) if out_of_reach else int(exponent)
    magnitude = digits.adjusted() + shift
    if magnitude > _MAX_MAGNITUDE:
        raise ValidationError(
            f"Number overflow: {text}. Attempting to store a number with magnitude larger than supported range."
        )
    if magnitude < _MIN_MAGNITUDE:
        raise ValidationError(
            f"Number underflow: {text}. Attempting to store a number with magnitude lower than supported range."
        )
    significant = "".join(map(str, digits.as_tuple().digits)).strip("0")
    if len(significant) > _MAX_PRECISION:
        raise ValidationError(
            f"Number too precise: {text}. Attempting to store a number with more significant digits than supported."
        )


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
