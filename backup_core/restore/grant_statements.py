"""GRANT statements for the restored table, from what the backup recorded of every role's permissions.

The table, each index's view and the stream's log have permissions of their own, and DeleteTable takes them all away.
What was granted on the keyspace is said of each of them; what was granted on all keyspaces concerns no table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from backup_core.model import keyspace_of
from backup_core.node.cql import quoted
from backup_core.restore.model import TableDefinition
from backup_core.schema import CDC_LOG_SUFFIX


_ON_TABLE = frozenset({"SELECT", "MODIFY", "ALTER", "DROP", "AUTHORIZE"})
_ON_KEYSPACE = _ON_TABLE | {"CREATE"}
_ALL_KEYSPACES = "<all keyspaces>"


@dataclass(frozen=True, slots=True)
class Grants:
    """What can be given back.

    Attributes:
        statements: in order, without a semicolon.
        left: what can't be, in words.
    """

    statements: tuple[str, ...]
    left: tuple[str, ...]


def grant_statements(definition: TableDefinition, target_name: str, *, with_stream: bool) -> Grants:
    """The statements that give every role what it had.

    Args:
        definition: of the table that was backed up.
        target_name: of the table to make: objects of that table are meant.
        with_stream: there will be a stream's log.
    """
    statements: dict[str, None] = {}
    left: dict[str, None] = {}
    for name, rows in sorted((definition.grants or {}).items(), key=lambda each: _order(each[0], definition)):
        renamed = _renamed(name, definition, target_name)
        if renamed is None or (name == definition.name + CDC_LOG_SUFFIX and not with_stream):
            left[f"grants on {name!r}, which isn't brought back"] = None
            continue
        for row in _sorted(rows):
            resource = _resource(row["resource"], name, renamed, definition, target_name)
            if row["resource"] == _ALL_KEYSPACES:
                continue
            if resource is None or row["permission"] not in resource[1]:
                left[f"{row['permission']} on {row['resource']} to {row['role']!r}: unknown here"] = None
                continue
            statements[f"GRANT {row['permission']} ON {resource[0]} TO {quoted(row['role'])}"] = None
    return Grants(tuple(statements), tuple(left))


def _order(name: str, definition: TableDefinition) -> tuple[int, str]:
    """The table, its views, its log."""
    rank = 0 if name == definition.name else 2 if name.endswith(CDC_LOG_SUFFIX) else 1
    return rank, name


def _sorted(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=lambda row: (row["resource"], row["role"], row["permission"]))


def _renamed(name: str, definition: TableDefinition, target_name: str) -> str | None:
    """The object that an object of the former table becomes."""
    own = {definition.name, definition.name + CDC_LOG_SUFFIX}
    own |= {f"{definition.name}:{index['IndexName']}" for index in definition.global_indexes}
    own |= {f"{definition.name}!:{index['IndexName']}" for index in definition.local_indexes}
    return target_name + name.removeprefix(definition.name) if name in own else None


def _resource(
    resource: str, name: str, renamed: str, definition: TableDefinition, target_name: str
) -> tuple[str, frozenset[str]] | None:
    """What a row of LIST ALL PERMISSIONS is about, as GRANT takes it, and the permissions that it can have."""
    keyspace = keyspace_of(definition.name)
    if resource == f"<table {keyspace}.{name}>":
        return f"TABLE {quoted(keyspace_of(target_name))}.{quoted(renamed)}", _ON_TABLE
    if resource == f"<keyspace {keyspace}>":
        return f"KEYSPACE {quoted(keyspace_of(target_name))}", _ON_KEYSPACE
    return None
