"""Backups of ScyllaDB's Alternator tables, as a library: everything about backups, nothing about processes.

The predecessor's functions, with what it had in globals as their first argument:

    get_all_tables -> get_table_id -> create_schema_file -> take_snapshot -> backup_table

`backup_table` runs the whole pipeline for one table, `backup_tables` for many. Errors are those of
`backup_core.errors`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from backup_core.context import Context
    from backup_core.ddl import separate_schema_and_views
    from backup_core.pipeline import backup_table, backup_tables
    from backup_core.schema import create_schema_file
    from backup_core.snapshot import clear_snapshot, take_snapshot
    from backup_core.table_id import get_all_tables, get_table_id
    from backup_core.verify import verify_snapshot


__all__ = [
    "Context",
    "backup_table",
    "backup_tables",
    "clear_snapshot",
    "create_schema_file",
    "get_all_tables",
    "get_table_id",
    "separate_schema_and_views",
    "take_snapshot",
    "verify_snapshot",
]

_MODULES = {
    "Context": "context",
    "backup_table": "pipeline",
    "backup_tables": "pipeline",
    "clear_snapshot": "snapshot",
    "create_schema_file": "schema",
    "get_all_tables": "table_id",
    "get_table_id": "table_id",
    "separate_schema_and_views": "ddl",
    "take_snapshot": "snapshot",
    "verify_snapshot": "verify",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is: who only lists backups needn't wait for boto3 and cassandra-driver."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
