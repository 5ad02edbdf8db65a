"""TableDefinition from `alternator_schema.json`: what the description says, if it fits together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from backup_core.errors import ManifestError
from backup_core.repository import layout
from backup_core.repository.create_table import CQL_TYPES, billing_parameters, index_parameters
from backup_core.repository.table_options import compressor, is_encrypted
from backup_core.restore.description import Description, Index, Key, parse_description
from backup_core.restore.model import Column, TableDefinition


ATTRIBUTES_COLUMN = ":attrs"
"""Where Alternator keeps all attributes that are no keys (alternator/executor.cc)."""


def table_definition(content: Mapping[str, Any]) -> TableDefinition:
    """The definition of the table that a description is of.

    Args:
        content: of `alternator_schema.json`, or what `legacy_definition` made instead.

    Raises:
        ManifestError: it has another shape, or contradicts itself.
    """
    description = parse_description(content)
    table = description.table
    types = _types(description)
    global_indexes, local_indexes = table.global_secondary_indexes or (), table.local_secondary_indexes or ()
    _check_keys("the table", table.key_schema, types)
    if [key.key_type for key in table.key_schema] == ["HASH", "HASH"]:
        _refuse("the table has two partition keys")
    _check_indexes((*global_indexes, *local_indexes), types)
    _check_local_indexes(local_indexes, table.key_schema)
    ddl = description.describe[0].create_statement if description.describe else ""
    return TableDefinition(
        name=table.table_name,
        key_schema=_wire(table.key_schema),
        attribute_definitions=tuple({"AttributeName": name, "AttributeType": types[name]} for name in types),
        global_indexes=tuple(index_parameters(index.model_dump(by_alias=True)) for index in global_indexes),
        local_indexes=tuple(index_parameters(index.model_dump(by_alias=True)) for index in local_indexes),
        billing=_billing(description),
        tags={tag.key: tag.value for tag in description.tags},
        time_to_live_attribute=_time_to_live(description),
        stream_view_type=_stream(description),
        real_columns=tuple(_real_columns(description, types)),
        tablets=description.keyspace.tablets,
        replication=description.keyspace.replication,
        grants=_grants(description),
        compressor=compressor(ddl),
        encrypted=is_encrypted(ddl),
        unknown=(*description.unknown, *_vector_indexes(description)),
    )


def _types(description: Description) -> dict[str, str]:
    types: dict[str, str] = {}
    for attribute in description.table.attribute_definitions:
        if types.setdefault(attribute.attribute_name, attribute.attribute_type) != attribute.attribute_type:
            _refuse(f"attribute {attribute.attribute_name!r} has two types")
    return types


def _check_keys(whose: str, keys: Sequence[Key], types: Mapping[str, str]) -> None:
    kinds = [key.key_type for key in keys]
    names = [key.attribute_name for key in keys]
    if kinds != sorted(kinds) or kinds[0] != "HASH":  # HASH comes before RANGE in the alphabet, too
        _refuse(f"the keys of {whose} don't start with HASH")
    if len(set(names)) != len(names):
        _refuse(f"{whose} has one attribute as several keys")
    for name in names:
        if name not in types:
            _refuse(f"attribute {name!r}, a key of {whose}, has no type")


def _check_indexes(indexes: Iterable[Index], types: Mapping[str, str]) -> None:
    names = set()
    for index in indexes:
        if index.index_name in names:
            _refuse(f"there are two indexes {index.index_name}")
        names.add(index.index_name)
        _check_keys(f"index {index.index_name}", index.key_schema, types)


def _check_local_indexes(indexes: Iterable[Index], keys: Sequence[Key]) -> None:
    for index in indexes:
        if [key.key_type for key in index.key_schema] != ["HASH", "RANGE"] or index.key_schema[0] != keys[0]:
            _refuse(f"local index {index.index_name} doesn't have the table's partition key and a sort key")


def _wire(keys: Iterable[Key]) -> tuple[Mapping[str, str], ...]:
    return tuple(key.model_dump(by_alias=True) for key in keys)


def _billing(description: Description) -> Mapping[str, Any]:
    table = description.table
    if table.billing_mode_summary is None:
        return {}
    if table.billing_mode_summary.billing_mode == "PROVISIONED" and table.provisioned_throughput is None:
        _refuse("billing is PROVISIONED, without a throughput")
    return billing_parameters(table.model_dump(by_alias=True))


def _time_to_live(description: Description) -> str | None:
    if description.time_to_live.time_to_live_status != "ENABLED":
        return None
    if description.time_to_live.attribute_name is None:
        _refuse("TTL is on, without an attribute")
    return description.time_to_live.attribute_name


def _stream(description: Description) -> str | None:
    stream = description.table.stream_specification
    if stream is None or not stream.stream_enabled:
        return None
    if stream.stream_view_type is None:
        _refuse("the stream is on, without a view type")
    return stream.stream_view_type


def _real_columns(description: Description, types: Mapping[str, str]) -> Iterable[Column]:
    """Those of the base table that are no keys: SSTables hold cells of them, so the new table has to have them.

    A dropped GSI leaves its column behind, so that not each of them belongs to an index.
    """
    for row in description.columns:
        if (row.table_name, row.kind) != (description.table.table_name, "regular"):
            continue
        if row.column_name == ATTRIBUTES_COLUMN:
            continue
        if row.type not in CQL_TYPES.values():
            _refuse(f"column {row.column_name!r} is a {row.type}, which Alternator makes of no attribute")
        if row.column_name in types and CQL_TYPES[types[row.column_name]] != row.type:
            _refuse(f"column {row.column_name!r} is a {row.type}, the attribute a {types[row.column_name]}")
        yield Column(row.column_name, row.type)


def _grants(description: Description) -> Mapping[str, tuple[Mapping[str, Any], ...]] | None:
    if description.grants is None:
        return None
    return {name: tuple(row.model_dump() for row in rows) for name, rows in description.grants.items()}


def _vector_indexes(description: Description) -> Iterable[str]:
    names = [index.index_name for index in description.table.vector_indexes or ()]
    if names:
        yield f"vector indexes {', '.join(names)}: add them with UpdateTable"


def _refuse(what: str) -> NoReturn:
    raise ManifestError(f"{layout.DESCRIPTION} can't be used: {what}")
