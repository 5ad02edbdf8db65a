"""The rows of system_schema and system.tablets, made from the catalog."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

from sandbox import tokens
from sandbox.catalog import Catalog
from sandbox.column_families import all_column_families
from sandbox.columns import Column, computed_keys
from sandbox.columns import columns as columns_of
from sandbox.cql.system_schemas import known_system_tables, system_table_names
from sandbox.system_tables import system_keyspaces
from sandbox.table_options import TableOptions, initial_tablets, table_options


Row = dict[str, Any]

_STRATEGIES = "org.apache.cassandra.locator."
_LOCAL = {"class": _STRATEGIES + "LocalStrategy"}
_EVERYWHERE = {"class": _STRATEGIES + "EverywhereStrategy"}
_SYSTEM_REPLICATION = {
    "system": _LOCAL,
    "system_schema": _LOCAL,
    "system_auth": {"class": _STRATEGIES + "SimpleStrategy", "replication_factor": "1"},
    "system_traces": {"class": _STRATEGIES + "SimpleStrategy", "replication_factor": "2"},
    "system_distributed": {"class": _STRATEGIES + "SimpleStrategy", "replication_factor": "3"},
    "system_distributed_everywhere": _EVERYWHERE,
    "system_replicated_keys": _EVERYWHERE,
}
# The id that the server gives to this one isn't made from its name.
_SESSIONS_ID = uuid.UUID("c5e99f16-8677-3914-b17e-960613512345")


def keyspaces(catalog: Catalog) -> Iterator[Row]:
    """system_schema.keyspaces."""
    replication = {name: _system_replication(catalog, name) for name in system_keyspaces(catalog.version)}
    in_datacenter = {"class": _STRATEGIES + "NetworkTopologyStrategy", catalog.datacenter: "1"}
    replication |= {table.keyspace: in_datacenter for table in catalog.tables.values()}
    for name in _in_ring_order(list(replication)):
        yield {"keyspace_name": name, "durable_writes": True, "replication": replication[name]}


def scylla_keyspaces(catalog: Catalog) -> Iterator[Row]:
    """system_schema.scylla_keyspaces: those on tablets."""
    on_tablets = [table for table in catalog.tables.values() if table.tablets]
    initial = {table.keyspace: initial_tablets(table, catalog.version) for table in on_tablets}
    for name in _in_ring_order(list(initial)):
        yield {"keyspace_name": name, "initial_tablets": initial[name]}


def tables(catalog: Catalog) -> Iterator[Row]:
    """system_schema.tables."""
    found = [
        {
            "keyspace_name": family.keyspace,
            "table_name": family.name,
            "flags": ["compound"],
            **_options(family.id, table_options(family, catalog.version)),
        }
        for family in all_column_families(catalog)
        if family.kind != "view"
    ]
    for keyspace, name in system_table_names(catalog.version):
        options = TableOptions({"sstable_compression": catalog.version.compressor}, {"class": _SYSTEM_COMPACTION})
        found.append(
            {
                "keyspace_name": keyspace,
                "table_name": name,
                "flags": ["compound"],
                **_options(system_table_id(keyspace, name), options),
            }
        )
    return _sorted(found, "table_name")


def views(catalog: Catalog) -> Iterator[Row]:
    """system_schema.views."""
    found = [
        {
            "keyspace_name": family.keyspace,
            "view_name": family.name,
            "base_table_id": family.table.id,
            "base_table_name": family.table.name,
            "include_all_columns": True,
            "where_clause": "",
            **_options(family.id, table_options(family, catalog.version)),
        }
        for family in all_column_families(catalog)
        if family.kind == "view"
    ]
    return _sorted(found, "view_name")


def columns(catalog: Catalog) -> Iterator[Row]:
    """system_schema.columns."""
    found = [
        _column(family.keyspace, family.name, column)
        for family in all_column_families(catalog)
        for column in columns_of(family, catalog.version)
    ]
    for table in known_system_tables(catalog.version):
        found += [_column(table.keyspace, table.name, column) for column in table.columns]
    return _sorted(found, "table_name", "column_name")


def computed_columns(catalog: Catalog) -> Iterator[Row]:
    """system_schema.computed_columns: view keys that are computed from a table's attributes."""
    found = [
        {
            "keyspace_name": family.keyspace,
            "table_name": family.name,
            "column_name": key.name,
            "computation": json.dumps(
                {"type": "alternator_extract_from_attrs", "attr_name": key.name, "desired_type": key.type},
                separators=(",", ":"),
            ).encode(),
        }
        for family in all_column_families(catalog)
        for key in computed_keys(family, catalog.version)
    ]
    return _sorted(found, "table_name", "column_name")


def tablets(catalog: Catalog) -> Iterator[Row]:
    """system.tablets: a row for each tablet; what shares its table's tablets has one that names that table."""
    families = (family for family in all_column_families(catalog) if family.table.tablets)
    for family in sorted(families, key=lambda each: each.id):
        shared = family.kind == "paxos" or (family.index is not None and family.index.local)
        static = {"table_id": family.id, "keyspace_name": family.keyspace, "table_name": family.name}
        if shared:
            yield {**static, "base_table": family.table.id}
        else:
            yield from ({**static, **tablet} for tablet in _tablets(catalog))


def system_table_id(keyspace: str, name: str) -> uuid.UUID:
    """Id of one of the server's own tables: the same on every node, made from the name."""
    if (keyspace, name) == ("system_traces", "sessions"):
        return _SESSIONS_ID
    digest = hashlib.md5((keyspace + name).encode(), usedforsecurity=False).digest()
    return uuid.UUID(bytes=digest, version=3)


_SYSTEM_COMPACTION = "SizeTieredCompactionStrategy"


def _system_replication(catalog: Catalog, keyspace: str) -> dict[str, str]:
    audit = {"class": _STRATEGIES + "NetworkTopologyStrategy", catalog.datacenter: "3"}
    return audit if keyspace == "audit" else _SYSTEM_REPLICATION[keyspace]


def _tablets(catalog: Catalog) -> Iterator[Row]:
    for last_token in tokens.tablet_tokens():
        yield {
            "last_token": last_token,
            "resize_seq_number": 2,
            "resize_type": "none",
            "tablet_count": tokens.TABLET_COUNT,
            "replicas": [(catalog.host_id, 0)],
            "sstables_repaired_at": 0,
        }


def _options(id_: uuid.UUID, options: TableOptions) -> Row:
    return {
        "id": id_,
        "bloom_filter_fp_chance": 0.01,
        "caching": options.caching,
        "comment": options.comment,
        "compaction": options.compaction,
        "compression": options.compression,
        "crc_check_chance": 1.0,
        "default_time_to_live": 0,
        "extensions": {name: _serialized(content) for name, content in options.extensions.items()},
        "gc_grace_seconds": options.gc_grace_seconds,
        "max_index_interval": 2048,
        "memtable_flush_period_in_ms": 0,
        "min_index_interval": 128,
        "speculative_retry": "99.0PERCENTILE",
    }


def _serialized(content: dict[str, str]) -> bytes:
    # The server's own serialisation, not CQL's: counts in four bytes, little end first.
    parts = [len(content).to_bytes(4, "little")]
    for text in (text for key in sorted(content) for text in (key, content[key])):
        parts += [len(text.encode()).to_bytes(4, "little"), text.encode()]
    return b"".join(parts)


def _column(keyspace: str, table: str, column: Column) -> Row:
    return {
        "keyspace_name": keyspace,
        "table_name": table,
        "column_name": column.name,
        "clustering_order": "ASC" if column.kind == "clustering" else "NONE",
        "column_name_bytes": column.name.encode(),
        "kind": column.kind,
        "position": column.position,
        "type": column.type,
    }


def _sorted(found: list[Row], *clustering: str) -> Iterator[Row]:
    keyspace_order = {name: i for i, name in enumerate(_in_ring_order([row["keyspace_name"] for row in found]))}
    return iter(
        sorted(
            found,
            key=lambda row: (keyspace_order[row["keyspace_name"]], *(row[name].encode() for name in clustering)),
        )
    )


def _in_ring_order(partition_keys: list[str]) -> list[str]:
    return sorted(dict.fromkeys(partition_keys), key=tokens.token)
