"""Adds real columns to a table that has just been created: the only place that sends an ALTER TABLE.

SSTables written by ScyllaDB up to 6.2 hold the keys of indexes in real columns, which newer servers don't make. A table
without any index takes them by ALTER; one that has an index makes every node that hears of it abort, and abort again
at each start (schema.cc, 2026.1). So both interfaces are asked right before, and no other statement is ever built.
"""

from collections.abc import Sequence

from backup_core.context import Context
from backup_core.errors import NodeRefusedError
from backup_core.model import Table, keyspace_of
from backup_core.node.cql import quoted
from backup_core.restore.model import Column
from backup_core.restore.tables import await_agreement, identify


_TYPES = frozenset({"text", "blob", "decimal"})
"""What Alternator makes of the key types S, B and N (alternator/executor.cc)."""


def add_columns(context: Context, table: Table, columns: Sequence[Column]) -> None:
    """Add columns to a table without indexes; those that are there already stay.

    Args:
        context: where the node is.
        table: made by this restore, with nothing in it.
        columns: to add.

    Raises:
        NodeRefusedError: the table has an index, a column has another type, or the node says no. Nothing was sent,
            but for the columns before.
        NodeUnavailableError: the node can't be asked, or the nodes don't agree on the schema.
        PermissionDeniedError: the role may not.
    """
    for column in columns:
        if _is_there(context, table, column):
            continue
        _refuse_unless_bare(context, table)
        if column.type not in _TYPES:
            raise NodeRefusedError(
                f"Column {column.name!r} of '{table.name}' would be a {column.type}: none of a key's."
            )
        context.cql.rows(add_column_statement(table.name, column))
        await_agreement(context)


def add_column_statement(table_name: str, column: Column) -> str:
    """The statement that adds a column, as `add_columns` sends it and a plan shows it."""
    where = f"{quoted(keyspace_of(table_name))}.{quoted(table_name)}"
    return f"ALTER TABLE {where} ADD {quoted(column.name)} {column.type}"


def _is_there(context: Context, table: Table, column: Column) -> bool:
    for row in context.cql.columns(table.keyspace):
        if (row["table_name"], row["column_name"]) == (table.name, column.name):
            if row["type"] != column.type:
                raise NodeRefusedError(
                    f"Table '{table.name}' has a column {column.name!r} of type {row['type']}, not {column.type}."
                )
            return True
    return False


def _refuse_unless_bare(context: Context, table: Table) -> None:
    """Make sure that it is the table that it was, without an index that either interface knows of."""
    described = context.alternator.describe_table(table.name)
    indexed = any(described.get(f"{kind}SecondaryIndexes") for kind in ("Global", "Local"))
    if indexed or context.cql.views(table.keyspace) or identify(context, table.name) != table:
        raise NodeRefusedError(
            f"Table '{table.name}' has an index, or has become another one: no column is added to it.",
            hint="ALTER TABLE would make every node of the cluster abort, again and again. Delete the table, and start "
            "the restore again.",
        )
