"""The table's schema: DDL for people, and one JSON document for a restore.

`DESCRIBE` of an Alternator table can't be replayed as CQL (its views have an empty WHERE, and names that CREATE TABLE
refuses; scylladb #19112). A restore goes through CreateTable, from the JSON document.
"""

from pathlib import Path
from typing import Any

from backup_core.context import Context
from backup_core.ddl import separate_schema_and_views
from backup_core.events import SCHEMA_EXTRACTED
from backup_core.model import Table, TableSchema
from backup_core.repository.schema_files import DOCUMENT_FORMAT_VERSION, write_schema
from backup_core.storage_errors import storage_errors
from backup_core.table_id import refusals_explained


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
    write_schema(schema, directory, context.reporter, shown_as=directory)
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
