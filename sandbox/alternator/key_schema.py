"""Attribute definitions and key schemas of tables and indexes, as requests give them."""

import uuid
from collections.abc import Iterable
from typing import Any

from sandbox.alternator.call import member
from sandbox.alternator.errors import ValidationError
from sandbox.alternator.names import validate_index_name
from sandbox.alternator.tags import SPURIOUS_RANGE_KEY, SYNCHRONOUS_UPDATES
from sandbox.catalog import Index, Key
from sandbox.version import ServerVersion


# The column that holds all attributes that are no keys.
_ATTRIBUTES_COLUMN = ":attrs"
_NAME_MAX_BYTES = 255
_MAX_KEYS = 2
_RACKS_FOR_INDEXES = (1, 3)


def attribute_types(definitions: Any) -> dict[str, str]:
    """The types of `AttributeDefinitions`, by attribute.

    Raises:
        ValidationError: they are malformed or name an attribute twice.
    """
    if not isinstance(definitions, list):
        raise ValidationError("AttributeDefinitions must be an array")
    types: dict[str, str] = {}
    for definition in definitions:
        name = _text(definition, "AttributeName")
        if len(name.encode()) > _NAME_MAX_BYTES:
            raise ValidationError("in AttributeDefinitions - Attribute name is too large, must be less than 256 bytes")
        if name in types:
            raise ValidationError(f"Duplicate AttributeName={name} in AttributeDefinitions")
        types[name] = _text(definition, "AttributeType")
    return types


def parse_keys(holder: Any, types: dict[str, str]) -> tuple[Key, Key | None]:
    """The partition key and the sort key that the `KeySchema` of a table or an index asks for.

    Raises:
        ValidationError: it is malformed, or asks for an attribute without a definition or of another type.
    """
    schema = member(holder, "KeySchema")
    if schema is None:
        raise ValidationError("Missing KeySchema member")
    if not isinstance(schema, list) or not 1 <= len(schema) <= _MAX_KEYS:
        raise ValidationError("KeySchema must list exactly one or two key columns")
    names = [
        _key_name(element, *words)
        for element, words in zip(schema, (("First", "HASH"), ("Second", "RANGE")), strict=False)
    ]
    hash_key, *range_keys = (_key(name, types) for name in names)
    return hash_key, next(iter(range_keys), None)


def parse_global_index(definition: Any, table_name: str, types: dict[str, str]) -> Index:
    """A GSI as CreateTable or UpdateTable asks for it, without tags.

    Raises:
        ValidationError: there can be no such index.
    """
    name = _index_name(definition, "GlobalSecondaryIndexes")
    validate_index_name(table_name, name, local=False)
    hash_key, range_key = parse_keys(definition, types)
    return Index(name, local=False, hash_key=hash_key, range_key=range_key, id=uuid.uuid1())


def parse_indexes(
    body: dict[str, Any],
    table_name: str,
    keys: tuple[Key, Key | None],
    types: dict[str, str],
    version: ServerVersion,
) -> list[Index]:
    """All indexes that a CreateTable asks for, in the order in which the server makes them.

    Raises:
        ValidationError: there can be no such indexes.
    """
    names: set[str] = set()
    global_indexes = [
        _with_tags(parse_global_index(each, table_name, types), keys, version)
        for each in _listed(body, "GlobalSecondaryIndexes", names)
    ]
    local_indexes = [
        _parse_local_index(each, table_name, keys, types) for each in _listed(body, "LocalSecondaryIndexes", names)
    ]
    # The change that made index keys computed columns also put the local ones first.
    return global_indexes + local_indexes if version.real_index_columns else local_indexes + global_indexes


def refuse_racks(racks: int, *, tablets: bool) -> None:
    """Refuse an index on tablets where the cluster's racks can't hold it.

    Raises:
        ValidationError: they can't.
    """
    if tablets and racks not in _RACKS_FOR_INDEXES:
        raise ValidationError(
            "GlobalSecondaryIndexes and LocalSecondaryIndexes on a table using tablets require the number of racks"
            " in the cluster to be either 1 or 3"
        )


def refuse_unused(types: dict[str, str], used: Iterable[Key | None]) -> None:
    """Refuse definitions of attributes that are no keys.

    Raises:
        ValidationError: there are some.
    """
    unused = types.keys() - {key.name for key in used if key is not None}
    if unused:
        listed = ", ".join(f'"{name}"' for name in sorted(unused))
        raise ValidationError(
            f"AttributeDefinitions defines spurious attributes not used by any KeySchema: {{{listed}}}"
        )


def _text(definition: Any, name: str) -> str:
    value = member(definition, name)
    if value is None:
        raise ValidationError(f"{name} missing in AttributeDefinitions")
    if not isinstance(value, str):
        raise ValidationError(f"{name} in AttributeDefinitions must be a string")
    return value


def _key_name(element: Any, place: str, kind: str) -> str:
    if not isinstance(element, dict):
        raise ValidationError(f"{place} element of KeySchema must be an object")
    if element.get("KeyType") != kind:
        raise ValidationError(f"{place} key in KeySchema must be a {kind} key")
    name = element.get("AttributeName")
    if not isinstance(name, str):
        raise ValidationError(f"{place} key in KeySchema must have string AttributeName")
    return name


def _key(name: str, types: dict[str, str]) -> Key:
    if name == _ATTRIBUTES_COLUMN:
        raise ValidationError(f"Column name '{name}' is currently reserved. FIXME.")
    match types.get(name):
        case None:
            raise ValidationError(f"KeySchema key '{name}' missing in AttributeDefinitions")
        case "S" | "N" | "B" as type_:
            return Key(name, type_)
        case other:
            raise ValidationError(f"Invalid key type '{other}', can only be S, B or N.")


def _listed(body: dict[str, Any], member_name: str, seen: set[str]) -> list[Any]:
    definitions = body.get(member_name, [])
    if not isinstance(definitions, list):
        raise ValidationError(f"{member_name} must be an array.")
    for definition in definitions:
        name = _index_name(definition, member_name)
        if name in seen:
            raise ValidationError(f"Duplicate IndexName '{name}', ")
        seen.add(name)
    return definitions


def _index_name(definition: Any, member_name: str) -> str:
    name = member(definition, "IndexName")
    if not isinstance(name, str):
        raise ValidationError(f"{member_name} IndexName must be a string.")
    return name


def _with_tags(index: Index, keys: tuple[Key, Key | None], version: ServerVersion) -> Index:
    added = [key for key in keys if key is not None and key.name != index.hash_key.name]
    if version.true_descriptions and index.range_key is None and added:
        index.tags[SPURIOUS_RANGE_KEY] = "true"
    return index


def _parse_local_index(definition: Any, table_name: str, keys: tuple[Key, Key | None], types: dict[str, str]) -> Index:
    name = _index_name(definition, "LocalSecondaryIndexes")
    validate_index_name(table_name, name, local=True)
    if keys[1] is None:
        raise ValidationError("LocalSecondaryIndex requires that the base table have a range key")
    hash_key, range_key = parse_keys(definition, types)
    if hash_key != keys[0]:
        raise ValidationError("LocalSecondaryIndex hash key must match the base table hash key")
    if range_key is None:
        raise ValidationError("LocalSecondaryIndex must specify a sort key")
    if range_key == keys[0]:
        raise ValidationError("LocalSecondaryIndex sort key cannot be the same as hash key")
    return Index(
        name,
        local=True,
        hash_key=hash_key,
        range_key=range_key,
        id=uuid.uuid1(),
        tags={SYNCHRONOUS_UPDATES: "true"},
    )
