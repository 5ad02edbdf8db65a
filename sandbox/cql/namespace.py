"""What keyspaces and tables there are: Alternator's and the server's own."""

from sandbox.catalog import Catalog
from sandbox.column_families import ColumnFamily, find_column_family, find_keyspace
from sandbox.cql.errors import InvalidRequestError
from sandbox.cql.statements import Name
from sandbox.cql.system_schemas import system_table_names
from sandbox.system_tables import system_keyspaces


def has_keyspace(catalog: Catalog, keyspace: str) -> bool:
    """Whether there is such a keyspace."""
    return find_keyspace(catalog, keyspace) is not None or keyspace in system_keyspaces(catalog.version)


def is_system_table(catalog: Catalog, keyspace: str, name: str) -> bool:
    """Whether it is one of the server's own tables."""
    return (keyspace, name) in system_table_names(catalog.version)


def require_table(catalog: Catalog, keyspace: str, name: str) -> ColumnFamily | None:
    """The column family of that name, None for one of the server's own tables.

    Raises:
        InvalidRequestError: no such keyspace or table.
    """
    if not has_keyspace(catalog, keyspace):
        raise InvalidRequestError(f"Keyspace {keyspace} does not exist")
    family = find_column_family(catalog, keyspace, name)
    if family is None and not is_system_table(catalog, keyspace, name):
        raise InvalidRequestError(f"unconfigured table {name}")
    return family


def keyspace_of(name: Name, current: str | None) -> str:
    """The keyspace that a name is looked for in.

    Raises:
        InvalidRequestError: neither the name nor the session has one.
    """
    keyspace = name.keyspace or current
    if keyspace is None:
        raise InvalidRequestError(
            "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename"
        )
    return keyspace
