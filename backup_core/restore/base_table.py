"""Whose SSTables an archive holds: only those of a base table can be loaded.

A view's are refused by the server, a CDC log's belong to streams that are gone, a `$paxos` table's hold what was in
flight when the snapshot was taken (facts of sstables_loader and the CDC documentation). A snapshot's `schema.cql` is
the one CREATE statement of what was in its directory (replica/table.cc).
"""

import re

from backup_core.errors import IntegrityError
from backup_core.model import keyspace_of


_NAME = r'(?:"((?:[^"]|"")+)"|(\w+))'
_CREATE = re.compile(
    rf"\s*CREATE\s+(TABLE|MATERIALIZED\s+VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s*\.\s*{_NAME}", re.IGNORECASE
)


def require_base_table(schema: str | None, table_name: str) -> None:
    """Refuse what isn't a snapshot of the table itself.

    Args:
        schema: the snapshot's `schema.cql`; None if it has none.
        table_name: the table that it should be of.

    Raises:
        IntegrityError: it is of a view, a log, or another table.
    """
    statement = _CREATE.match(schema) if schema is not None else None
    if statement is None:
        return
    kind, *names = statement.groups()
    keyspace, name = (quoted or plain for quoted, plain in (names[:2], names[2:]))
    if kind.upper() != "TABLE" or (keyspace, name) != (keyspace_of(table_name), table_name):
        raise IntegrityError(f"its SSTables are of {' '.join(kind.split()).lower()} {name!r} in keyspace {keyspace!r}")
