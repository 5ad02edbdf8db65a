"""Writes the files that hold a table's schema: DDL for people, and `alternator_schema.json`, which a restore uses."""

import json
import os
from pathlib import Path

from backup_core.events import SCHEMA_FILE_WRITTEN, Reporter
from backup_core.model import TableSchema
from backup_core.repository import layout
from backup_core.storage_errors import storage_errors


DOCUMENT_FORMAT_VERSION = 1
"""Of `alternator_schema.json`."""


def write_schema(schema: TableSchema, directory: Path, reporter: Reporter, *, shown_as: Path) -> None:
    """Write a schema's files, readable by the owner only.

    Args:
        schema: what to write.
        directory: exists.
        reporter: hears of each file for people.
        shown_as: where the files will be when they are published.

    Raises:
        PermissionDeniedError, StorageError: the directory can't be written.
    """
    _write(directory / layout.DESCRIPTION, json.dumps(schema.description, indent=1, ensure_ascii=False))
    files = [("Table schema", layout.TABLE_SCHEMA, schema.ddl)]
    files += [(f"Materialized view {n}", layout.VIEW.format(n), view) for n, view in enumerate(schema.views, start=1)]
    for what, name, text in files:
        _write(directory / name, text)
        reporter.event(SCHEMA_FILE_WRITTEN, table=schema.table.name, what=what, path=str(shown_as / name))


def _write(path: Path, text: str) -> None:
    with (
        storage_errors(path),
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file,
    ):
        file.write(text + "\n")
