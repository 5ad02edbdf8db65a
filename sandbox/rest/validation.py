"""Checks of the names that requests give, with the server's texts."""

from sandbox.catalog import Catalog
from sandbox.column_families import ColumnFamily, find_column_family, find_keyspace
from sandbox.rest.answers import RestError, bad_request, server_error
from sandbox.system_tables import system_keyspaces


def names(text: str) -> list[str]:
    """A comma-separated list of a query string; none of an empty one."""
    return text.split(",") if text else []


def validate_keyspace(catalog: Catalog, keyspace: str) -> None:
    """Refuse a keyspace that is neither a table's nor the server's own.

    Raises:
        RestError: 400.
    """
    if find_keyspace(catalog, keyspace) is None and keyspace not in system_keyspaces(catalog.version):
        raise bad_request(f"Can't find a keyspace {keyspace}")


def validate_table(catalog: Catalog, keyspace: str, name: str) -> ColumnFamily:
    """The column family of that name, where the server translates the error of an unknown one.

    Raises:
        RestError: 400.
    """
    family = find_column_family(catalog, keyspace, name)
    if family is None:
        raise bad_request(_unknown(keyspace, name))
    return family


def require_table(catalog: Catalog, keyspace: str, name: str) -> ColumnFamily:
    """The column family of that name, where the server lets the error of an unknown one through.

    Raises:
        RestError: 500.
    """
    family = find_column_family(catalog, keyspace, name)
    if family is None:
        raise no_such_column_family(keyspace, name)
    return family


def no_such_column_family(keyspace: str, name: str) -> RestError:
    """The error for an unknown column family that the server lets through."""
    return server_error("data_dictionary::no_such_column_family", _unknown(keyspace, name))


def _unknown(keyspace: str, name: str) -> str:
    return f"Can't find a column family {name} in keyspace {keyspace}"
