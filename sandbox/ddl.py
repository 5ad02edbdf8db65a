"""The CQL text of keyspaces, tables and views, as DESCRIBE gives it and as snapshots hold it in schema.cql."""

from sandbox.catalog import Table
from sandbox.column_families import ColumnFamily
from sandbox.columns import Column, columns
from sandbox.identifiers import quote
from sandbox.table_options import SYNCHRONOUS_VIEW_UPDATES_TAG, initial_tablets, table_options
from sandbox.version import ServerVersion


def create_keyspace(table: Table, datacenter: str, version: ServerVersion) -> str:
    """CREATE KEYSPACE of a table's keyspace, on a cluster of one node."""
    return (
        f"CREATE KEYSPACE {quote(table.keyspace, version)} WITH replication = "
        f"{{'class': 'org.apache.cassandra.locator.NetworkTopologyStrategy', '{datacenter}': '1'}} "
        f"AND durable_writes = true{_tablets(table, version)};"
    )


def create(family: ColumnFamily, version: ServerVersion, *, with_id: bool = False) -> str:
    """CREATE TABLE or CREATE MATERIALIZED VIEW of a column family, with its id on request.

    A view's WHERE clause is empty, so that it can't be run.
    """
    all_columns = columns(family, version)
    partition = [quote(column.name, version) for column in all_columns if column.kind == "partition_key"]
    clustering = [quote(column.name, version) for column in all_columns if column.kind == "clustering"]
    head = _view_head(family, all_columns, version) if family.index else _table_head(family, all_columns, version)
    key = f"    PRIMARY KEY ({', '.join([*partition, *clustering])})"
    with_ = "\n    WITH " if family.index else "\n) WITH "
    internals = f"ID = {family.id}\nAND " if with_id else ""
    order = ", ".join(f"{name} ASC" for name in clustering)
    ordering = f"CLUSTERING ORDER BY ({order})\n    AND " if order else ""
    return f"{head}{key}{with_}{internals}{ordering}{_properties(family, version)};\n"


def alter_cdc_log(family: ColumnFamily, version: ServerVersion) -> str:
    """ALTER TABLE that gives a CDC log its options: what DESCRIBE TABLE ends with for a table with a stream."""
    return f"ALTER TABLE {_full_name(family, family.name, version)} WITH {_properties(family, version)};\n"


def _tablets(table: Table, version: ServerVersion) -> str:
    if not table.tablets:
        return " AND tablets = {'enabled': false}"
    initial = initial_tablets(table, version)
    options = ["'enabled': true"] if version.tablets_always_described else []
    options += [f"'initial': {initial}"] if initial else []
    return f" AND tablets = {{{', '.join(options)}}}" if options else ""


def _table_head(family: ColumnFamily, all_columns: list[Column], version: ServerVersion) -> str:
    lines = "".join(f"    {quote(column.name, version)} {column.type},\n" for column in all_columns)
    return f"CREATE TABLE {_full_name(family, family.name, version)} (\n{lines}"


def _view_head(family: ColumnFamily, all_columns: list[Column], version: ServerVersion) -> str:
    selection = "*"
    if version.real_index_columns:
        selection = ", ".join(quote(column.name, version) for column in all_columns)
    lines = (
        f"CREATE MATERIALIZED VIEW {_full_name(family, family.name, version)} AS",
        f"    SELECT {selection}",
        f"    FROM {_full_name(family, family.table.name, version)}",
        "    WHERE ",
    )
    return "".join(f"{line}\n" for line in lines)


def _full_name(family: ColumnFamily, name: str, version: ServerVersion) -> str:
    return f"{quote(family.keyspace, version)}.{quote(name, version)}"


def _properties(family: ColumnFamily, version: ServerVersion) -> str:
    options = table_options(family, version)
    properties = {
        "bloom_filter_fp_chance": "0.01",
        "caching": _map(options.caching),
        "comment": f"'{options.comment}'",
        "compaction": _map(options.compaction),
        "compression": _map(options.compression),
        "crc_check_chance": "1",
        "default_time_to_live": "0",
        "gc_grace_seconds": str(options.gc_grace_seconds),
        "max_index_interval": "2048",
        "memtable_flush_period_in_ms": "0",
        "min_index_interval": "128",
        "speculative_retry": "'99.0PERCENTILE'",
    }
    properties |= {name: _map(options.extensions[name]) for name in sorted(options.extensions)}
    synchronous = family.index.tags.get(SYNCHRONOUS_VIEW_UPDATES_TAG) if family.index else None
    if synchronous is not None:
        properties["synchronous_updates"] = synchronous
    return "\n    AND ".join(f"{name} = {value}" for name, value in properties.items())


def _map(values: dict[str, str]) -> str:
    # Nothing is escaped in it, as on the server; "class" comes first in every map of ours that has one.
    return "{" + ", ".join(f"'{key}': '{values[key]}'" for key in sorted(values)) + "}"
