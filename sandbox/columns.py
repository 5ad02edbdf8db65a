"""The CQL columns of what is behind an Alternator table: the table, its views, its CDC log, its LWT state table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sandbox.catalog import Key, Table
from sandbox.column_families import ColumnFamily, primary_key, view_keys
from sandbox.sstable_data import WrittenSchema
from sandbox.version import ServerVersion


ATTRIBUTES = ":attrs"

_ATTRIBUTES_TYPE = "map<text, blob>"
_TYPES = {"S": "text", "N": "decimal", "B": "blob"}

ColumnKind = Literal["partition_key", "clustering", "static", "regular"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `position` counts within the partition key or the clustering key, and is -1 elsewhere."""

    name: str
    type: str
    kind: ColumnKind = "regular"
    position: int = -1


def columns(family: ColumnFamily, version: ServerVersion) -> list[Column]:
    """The columns in the server's order: partition key, clustering key, then the others by name."""
    if family.kind == "log":
        return _log_columns(family.table, version)
    if family.kind == "paxos":
        return _PAXOS_COLUMNS
    return _table_columns(family, version)


def real_columns(table: Table, version: ServerVersion) -> dict[str, str]:
    """The attributes that have a column of their own beside the key, with its CQL type."""
    found = dict(table.added_columns)
    if version.real_index_columns:
        found |= {key.name: _TYPES[key.type] for key in _index_keys(table)}
    return found


def key_types(table: Table) -> tuple[str, ...]:
    """The CQL types of the table's partition key and of its sort key if it has one."""
    return tuple(_TYPES[key.type] for key in primary_key(table))


def written_schema(family: ColumnFamily, version: ServerVersion) -> WrittenSchema:
    """What the SSTables of a column family say of its columns."""
    return WrittenSchema(key_types(family.table), real_columns(family.table, version), version.compressor)


def computed_keys(family: ColumnFamily, version: ServerVersion) -> list[Key]:
    """The keys of a view that are no columns of its table, but computed from the table's attributes."""
    if family.index is None:
        return []
    base = primary_key(family.table)
    real = real_columns(family.table, version)
    return [key for key in view_keys(family) if key not in base and key.name not in real]


def _table_columns(family: ColumnFamily, version: ServerVersion) -> list[Column]:
    keys = view_keys(family)
    regular = {ATTRIBUTES: _ATTRIBUTES_TYPE, **real_columns(family.table, version)}
    for key in keys:
        regular.pop(key.name, None)
    return [*_key_columns((key.name, _TYPES[key.type]) for key in keys), *_by_name(regular)]


def _index_keys(table: Table) -> list[Key]:
    base = (table.hash_key, table.range_key)
    keys = (key for index in table.indexes for key in (index.hash_key, index.range_key))
    return [key for key in keys if key is not None and key not in base]


def _key_columns(keys: Iterable[tuple[str, str]]) -> list[Column]:
    (first, first_type), *others = keys
    clustering = [Column(name, kind, "clustering", i) for i, (name, kind) in enumerate(others)]
    return [Column(first, first_type, "partition_key", 0), *clustering]


def _by_name(types: dict[str, str]) -> list[Column]:
    return [Column(name, types[name]) for name in sorted(types, key=str.encode)]


def _log_columns(table: Table, version: ServerVersion) -> list[Column]:
    regular = {"cdc$end_of_batch": "boolean", "cdc$operation": "tinyint", "cdc$ttl": "bigint"}
    for column in _table_columns(ColumnFamily(table, table.name, table.id, "table"), version):
        regular[column.name] = column.type
        if column.kind == "regular":
            regular[f"cdc$deleted_{column.name}"] = "boolean"
    regular[ATTRIBUTES] = f"frozen<{_ATTRIBUTES_TYPE}>"
    regular[f"cdc$deleted_elements_{ATTRIBUTES}"] = "frozen<set<text>>"
    keys = (("cdc$stream_id", "blob"), ("cdc$time", "timeuuid"), ("cdc$batch_seq_no", "int"))
    return [*_key_columns(keys), *_by_name(regular)]


_PAXOS_COLUMNS = [
    *_key_columns([("row_key", "blob")]),
    *_by_name(
        {
            "most_recent_commit": "blob",
            "most_recent_commit_at": "timeuuid",
            "promise": "timeuuid",
            "proposal": "blob",
            "proposal_ballot": "timeuuid",
        }
    ),
]
