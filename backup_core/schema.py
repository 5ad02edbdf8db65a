"""The table's schema: DDL for people, and one JSON document for a restore.

`DESCRIBE` of an Alternator table can't be replayed as CQL (its views have an empty WHERE, and names that CREATE TABLE
refuses; scylladb #19112). A restore goes through CreateTable, from the JSON document.
"""

import json
import os
from pathlib import Path
from typing import Any

from backup_core.context import Context
from backup_core.ddl import separate_schema_and_views
from backup_core.events import SCHEMA_EXTRACTED, SCHEMA_FILE_WRITTEN
from backup_core.model import Table, TableSchema
from backup_core.repository import layout
from backup_core.storage_errors import storage_errors
from backup_core.table_id import refusals_explained


DOCUMENT_FORMAT_VERSION = 1
CDC_LOG_SUFFIX = "_scylla_cdc_log"
"""What the name of the table behind a stream ends in (cdc/log.cc)."""


def create_schema_file(context: Context, table: Table, directory: Path) -> TableSchema:
    """Extract a table's schema and write it into `directory`, which is made if it isn't there.

    Args:
        context: where the node is.
        table: as `get_table_id` gave it.
        directory: gets `table_schema.cql`, `materialized_view_N.cql` and `alternator_schema.json`.

    Returns:
        The schema, as it was written.

    Raises:
        NotFoundError: the table is gone.
        NodeRefusedError: its description can't be used.
        NodeUnavailableError: Alternator or CQL doesn't answer.
        PermissionDeniedError, StorageError: the directory can't be written.
    """
    schema = extract_schema(context, table)
    with storage_errors(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_schema(context, schema, directory, shown_as=directory)
    return schema


def extract_schema(context: Context, table: Table) -> TableSchema:
    """Ask the node for everything that describes a table; arguments and errors as in `create_schema_file`."""
    with refusals_explained(context, table):
        rows = context.cql.describe_table(table.keyspace, table.name)
        text = "\n\n".join(row["create_statement"] for row in rows)
        ddl, views = separate_schema_and_views(text)
        schema = TableSchema(table, ddl, tuple(views), _description(context, table, rows))
    context.reporter.event(
        SCHEMA_EXTRACTED, table=table.name, characters=len(text), ddl_characters=len(ddl), views=len(views)
    )
    return schema


def write_schema(context: Context, schema: TableSchema, directory: Path, *, shown_as: Path) -> None:
    """Write a schema's files, readable by the owner only.

    Args:
        context: its reporter hears of each file.
        schema: what to write.
        directory: exists.
        shown_as: where the files will be when they are published.

    Raises:
        PermissionDeniedError, StorageError: the directory can't be written.
    """
    _write(directory / layout.DESCRIPTION, json.dumps(schema.description, indent=1, ensure_ascii=False))
    files = [("Table schema", layout.TABLE_SCHEMA, schema.ddl)]
    files += [(f"Materialized view {n}", layout.VIEW.format(n), view) for n, view in enumerate(schema.views, start=1)]
    for what, name, text in files:
        _write(directory / name, text)
        context.reporter.event(SCHEMA_FILE_WRITTEN, table=schema.table.name, what=what, path=str(shown_as / name))


def _description(context: Context, table: Table, rows: tuple[Any, ...]) -> dict[str, Any]:
    describe = context.alternator.describe_table(table.name)
    create_keyspace = context.cql.describe_keyspace(table.keyspace)
    views = context.cql.views(table.keyspace)
    # The table, each view and the stream's log have grants of their own.
    granted_on = [table.name, *(view["view_name"] for view in views)]
    if describe.get("StreamSpecification", {}).get("StreamEnabled"):
        granted_on.append(table.name + CDC_LOG_SUFFIX)
    grants = {name: _plain(context.cql.permissions(table.keyspace, name)) for name in granted_on}
    return {
        "format_version": DOCUMENT_FORMAT_VERSION,
        "table": describe,
        "tags": list(context.alternator.list_tags(describe["TableArn"])),
        "time_to_live": context.alternator.describe_time_to_live(table.name),
        "columns": _plain(context.cql.columns(table.keyspace)),
        "views": _plain(views),
        "keyspace": {
            "replication": context.cql.replication(table.keyspace),
            "tablets": context.rest.on_tablets(table.keyspace),
            "create_statement": create_keyspace,
        },
        "describe": _plain(rows),
        "grants": None if any(granted is None for granted in grants.values()) else grants,
    }


def _plain(rows: tuple[Any, ...] | None) -> list[dict[str, Any]] | None:
    """Rows as JSON can hold them: ids as text."""
    if rows is None:
        return None
    return [
        {key: value if isinstance(value, (str, int, bool, type(None))) else str(value) for key, value in row.items()}
        for row in rows
    ]


def _write(path: Path, text: str) -> None:
    with (
        storage_errors(path),
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file,
    ):
        file.write(text + "\n")
