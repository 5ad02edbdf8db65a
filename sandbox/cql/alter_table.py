"""ALTER TABLE ... ADD over CQL: columns that Alternator then uses, and the change that no node survives."""

from sandbox.catalog import Catalog, Role, Table
from sandbox.columns import columns
from sandbox.cql import permissions, results
from sandbox.cql.errors import InvalidRequestError, NodeAbortedError
from sandbox.cql.namespace import keyspace_of, require_table
from sandbox.cql.statements import AlterTable


# The types of Alternator's key attributes.
_TYPES = ("text", "decimal", "blob")
_ASSERTION = (
    "schema.cc:464: Assertion failed: a view of the table has a computed column,"
    " or needs to be rebuilt, for a column that the table has got"
)


def alter_table(catalog: Catalog, role: Role | None, statement: AlterTable, current_keyspace: str | None) -> bytes:
    """Add columns to a table; the body of the RESULT.

    Raises:
        UnauthorizedError: the role may not change it.
        InvalidRequestError: no such table, a column that is there, or a type that no key attribute has.
        NodeAbortedError: the node has come to its end.
    """
    keyspace, name = keyspace_of(statement.table, current_keyspace), statement.table.name
    family = require_table(catalog, keyspace, name)
    permissions.require_alter(catalog, role, keyspace, name)
    if family is None:
        raise InvalidRequestError(f"{keyspace} keyspace is not user-modifiable.")
    if family.kind == "view":
        raise InvalidRequestError("Cannot use ALTER TABLE on Materialized View")
    if family.kind != "table":
        raise InvalidRequestError(f"The sandbox does not support ALTER TABLE on {name}")
    known = {column.name for column in columns(family, catalog.version)}
    for column, type_ in statement.columns:
        if column in known:
            raise InvalidRequestError(f"Invalid column name {column} because it conflicts with an existing column")
        if type_ not in _TYPES:
            raise InvalidRequestError(f"The sandbox adds no column of the type {type_}")
        known.add(column)
    if _is_deadly(catalog, family.table, {column for column, _ in statement.columns}):
        catalog.abort(_ASSERTION)
        raise NodeAbortedError
    family.table.added_columns |= dict(statement.columns)
    catalog.schema_changed()
    return results.table_updated(keyspace, name)


def _is_deadly(catalog: Catalog, table: Table, added: set[str]) -> bool:
    """Whether views with computed columns don't bear the change: seen with LSIs, and with keys of an index."""
    if catalog.version.real_index_columns:
        return False
    keys = {key.name for index in table.indexes for key in (index.hash_key, index.range_key) if key is not None}
    return any(index.local for index in table.indexes) or bool(keys & added)
