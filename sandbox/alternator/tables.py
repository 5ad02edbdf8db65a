"""ListTables and DeleteTable."""

from collections.abc import Iterator
from typing import Any

from sandbox.alternator.authorization import revoke_all
from sandbox.alternator.call import Call
from sandbox.alternator.description import describe
from sandbox.alternator.errors import ValidationError
from sandbox.alternator.streams import LOG_SUFFIX
from sandbox.catalog import Catalog


_MAX_LIMIT = 100


def list_tables(call: Call) -> dict[str, Any]:
    """ListTables: a page of names, in an order that is nobody's.

    As on the real node, a page that starts after a table that is gone is empty and says that nothing follows.
    """
    limit = call.body.get("Limit", _MAX_LIMIT)
    start = call.body.get("ExclusiveStartTableName", "")
    if not isinstance(limit, int) or not 1 <= limit <= _MAX_LIMIT:
        raise ValidationError("Limit must be greater than 0 and no greater than 100")
    names = list(_listed_names(call.node.catalog))
    if start:
        names = names[names.index(start) + 1 :] if start in names else []
    page: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        page["LastEvaluatedTableName"] = names[limit - 1]
    return page


def delete_table(call: Call) -> dict[str, Any]:
    """DeleteTable: the table is gone when this returns, and so are everybody's permissions on it."""
    table = call.table()
    node = call.node
    description = describe(node, table, deleting=True)
    call.require("DROP", table)
    node.data.table_dropped(table)
    node.items.drop(table)
    node.catalog.remove(table)
    for name in (table.name, *map(table.view_name, table.indexes)):
        revoke_all(node.catalog, table, name)
    node.catalog.schema_changed()
    return {"TableDescription": description}


def _listed_names(catalog: Catalog) -> Iterator[str]:
    """The tables' names, with what the real node shows beside them though nobody can describe it."""
    for table in catalog.unordered_tables():
        yield table.name
        if table.paxos_id is not None:
            yield f"{table.name}$paxos"
        # The log of an enabled stream is known to be one; that of a disabled stream is kept, and looks like a table.
        if table.stream is not None and not table.stream.enabled:
            yield table.name + LOG_SUFFIX
