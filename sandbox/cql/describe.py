"""DESCRIBE, answered by the server itself: any role that is logged in may ask."""

from collections.abc import Iterator

from sandbox import ddl
from sandbox.catalog import Catalog, Role, Table
from sandbox.column_families import ColumnFamily, column_families, find_column_family, find_keyspace
from sandbox.cql import describe_roles
from sandbox.cql.errors import InvalidRequestError, UnauthorizedError
from sandbox.cql.namespace import has_keyspace, is_system_table
from sandbox.cql.results import ResultSet, text_columns
from sandbox.cql.statements import Describe, Name
from sandbox.cql.system_rows import PARTITIONER
from sandbox.cql.system_schemas import system_table_names
from sandbox.identifiers import quote
from sandbox.system_tables import system_keyspaces


Line = tuple[str | None, ...]

_LISTING = ("keyspace_name", "type", "name")
_INFORMATIONAL = "/* Do NOT execute this statement! It's only for informational purposes.\n"
_WHY_LOG = (
    "   A CDC log table is created automatically when creating the base with CDC\n"
    "   enabled option or creating the vector index on the base table's vector column.\n"
)
_WHY_PAXOS = "   A paxos state table is created automatically when enabling LWT on a base table.\n"


def describe(catalog: Catalog, role: Role | None, statement: Describe, keyspace: str | None) -> ResultSet:
    """The answer to DESCRIBE.

    Args:
        catalog: what there is.
        role: who asks, None where nobody is asked for credentials.
        statement: the statement.
        keyspace: the session's, None if it has none.

    Raises:
        InvalidRequestError: there is no such thing, or the sandbox doesn't describe it.
        UnauthorizedError: passwords are for superusers.
    """
    if statement.subject == "cluster":
        return _result(("cluster", "partitioner", "snitch"), [("", PARTITIONER, "SimpleSnitch")])
    if statement.subject in ("keyspaces", "tables"):
        return _result(_LISTING, list(_listing(catalog, statement.subject, keyspace)))
    if statement.subject == "schema":
        lines = list(_schema(catalog, role, statement))
    elif statement.subject == "keyspace":
        name = statement.name.name if statement.name else keyspace
        lines = list(_keyspace(catalog, name or "", statement))
    else:
        lines = _element(catalog, statement, keyspace)
    return _result((*_LISTING, "create_statement"), lines)


def _result(columns: tuple[str, ...], lines: list[Line]) -> ResultSet:
    return ResultSet("system", "describe", text_columns(*columns), lines)


def _listing(catalog: Catalog, subject: str, current: str | None) -> Iterator[Line]:
    names = {(table.keyspace, table.name) for table in catalog.tables.values()}
    names |= set(system_table_names(catalog.version))
    if subject == "keyspaces":
        names = {(keyspace, keyspace) for keyspace, _ in names}
        names |= {(keyspace, keyspace) for keyspace in system_keyspaces(catalog.version)}
    for keyspace, name in sorted(names):
        if current in (None, keyspace):
            quoted = (quote(keyspace, catalog.version), quote(name, catalog.version))
            yield quoted[0], subject.removesuffix("s"), quoted[1]


def _schema(catalog: Catalog, role: Role | None, statement: Describe) -> Iterator[Line]:
    if statement.with_passwords and (role is None or not role.superuser):
        raise UnauthorizedError("DESCRIBE SCHEMA WITH INTERNALS AND PASSWORDS can only be issued by a superuser")
    for table in catalog.unordered_tables():
        yield from _keyspace(catalog, table.keyspace, statement)
    if catalog.version.describes_roles:
        yield from describe_roles.audit_log(catalog, with_id=statement.with_internals)
        if statement.with_internals:
            yield from describe_roles.roles(catalog, with_passwords=statement.with_passwords)


def _keyspace(catalog: Catalog, keyspace: str, statement: Describe) -> Iterator[Line]:
    table = _find_keyspace(catalog, keyspace)
    quoted = quote(keyspace, catalog.version)
    yield quoted, "keyspace", quoted, ddl.create_keyspace(table, catalog.datacenter, catalog.version)
    if not statement.only:
        yield from _table(catalog, table, with_id=statement.with_internals)


def _element(catalog: Catalog, statement: Describe, current: str | None) -> list[Line]:
    asked = statement.name or Name(None, "")
    if statement.subject == "anything" and asked.keyspace is None and has_keyspace(catalog, asked.name):
        return list(_keyspace(catalog, asked.name, statement))
    keyspace = asked.keyspace or current
    if keyspace is None:
        unknown = statement.subject == "anything"
        raise InvalidRequestError(
            f"'{asked.name}' not found in keyspaces" if unknown else "No keyspace specified and no current keyspace"
        )
    if not has_keyspace(catalog, keyspace):
        raise InvalidRequestError(
            f"'{asked.name if statement.subject == 'anything' else keyspace}' not found in keyspaces"
        )
    if is_system_table(catalog, keyspace, asked.name):
        raise InvalidRequestError(f"The sandbox does not describe {keyspace}.{asked.name}")
    family = find_column_family(catalog, keyspace, asked.name)
    if family is not None and family.kind == "view" and statement.subject in ("view", "anything"):
        return [_line(catalog, family, ddl.create(family, catalog.version, with_id=statement.with_internals))]
    if family is not None and statement.subject in ("table", "anything"):
        return list(_table_element(catalog, family, with_id=statement.with_internals))
    raise InvalidRequestError(_not_found(catalog, statement.subject, keyspace, asked.name))


def _not_found(catalog: Catalog, subject: str, keyspace: str, name: str) -> str:
    if subject == "view":
        return f"Materialized view '{name}' not found in keyspace '{keyspace}'"
    if subject == "anything":
        return f"'{name}' not found in keyspace '{keyspace}'"
    if catalog.version.describes_internal_tables:
        return f"unconfigured table {name}"
    return f"Table '{name}' not found in keyspace '{keyspace}'"


def _table_element(catalog: Catalog, family: ColumnFamily, *, with_id: bool) -> Iterator[Line]:
    table, version = family.table, catalog.version
    create = ddl.create(family, version, with_id=with_id)
    if family.kind == "table":
        yield from _table(catalog, table, with_id=with_id)
    elif family.kind == "view":
        if version.describes_internal_tables:
            raise InvalidRequestError("Cannot use DESC TABLE on materialized View")
        yield _line(catalog, family, create)
    elif version.describes_internal_tables:
        why = _WHY_PAXOS if family.kind == "paxos" else _WHY_LOG
        yield _line(catalog, family, f"{_INFORMATIONAL}{why}\n{create}\n*/")
    elif table.stream is not None and table.stream.enabled:
        raise InvalidRequestError(
            f"{table.keyspace}.{family.name} is a cdc log table and it cannot be described directly."
            f" Try `DESC TABLE {table.keyspace}.{table.name}` to describe cdc base table and it's log table."
        )
    else:
        yield _line(catalog, family, create)


def _table(catalog: Catalog, table: Table, *, with_id: bool) -> Iterator[Line]:
    families = column_families(table)
    views = sorted((family for family in families if family.kind == "view"), key=lambda each: each.name.encode())
    for family in (families[0], *views):
        yield _line(catalog, family, ddl.create(family, catalog.version, with_id=with_id))
    if table.stream is not None and table.stream.enabled:
        log = next(family for family in families if family.kind == "log")
        yield _line(catalog, log, ddl.alter_cdc_log(log, catalog.version))


def _line(catalog: Catalog, family: ColumnFamily, statement: str) -> Line:
    kind = "view" if family.kind == "view" else "table"
    return (
        quote(family.keyspace, catalog.version),
        kind,
        quote(family.name, catalog.version),
        statement,
    )


def _find_keyspace(catalog: Catalog, keyspace: str) -> Table:
    table = find_keyspace(catalog, keyspace)
    if table is None:
        system = has_keyspace(catalog, keyspace)
        raise InvalidRequestError(
            f"The sandbox does not describe {keyspace}" if system else f"'{keyspace}' not found in keyspaces"
        )
    return table
