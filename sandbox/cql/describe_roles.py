"""What DESCRIBE SCHEMA tells of newer versions beside the users' tables: audit log, roles, grants, service levels."""

from collections.abc import Iterator

from sandbox.catalog import Catalog, Role
from sandbox.cql.schema_rows import system_table_id
from sandbox.cql.system_rows import default_role
from sandbox.identifiers import quote


Line = tuple[str | None, ...]

_STRATEGY = "org.apache.cassandra.locator.NetworkTopologyStrategy"
_AUDIT_COLUMNS = (
    "date timestamp",
    "node inet",
    "event_time timeuuid",
    "category text",
    "consistency text",
    "error boolean",
    "keyspace_name text",
    "operation text",
    "source inet",
    "table_name text",
    "username text",
)
_SERVICE_LEVEL = "driver WITH WORKLOAD_TYPE = 'batch' AND SHARES = 200;"


def audit_log(catalog: Catalog, *, with_id: bool) -> Iterator[Line]:
    """The audit log, which counts as a user's keyspace: its table's options are left out."""
    replication = f"{{'class': '{_STRATEGY}', '{catalog.datacenter}': '3'}}"
    options = "durable_writes = true AND tablets = {'enabled': false}"
    create_keyspace = f"CREATE KEYSPACE audit WITH replication = {replication} AND {options};"
    yield "audit", "keyspace", "audit", create_keyspace
    id_ = f"ID = {system_table_id('audit', 'audit_log')}\nAND " if with_id else ""
    columns = "".join(f"    {column},\n" for column in _AUDIT_COLUMNS)
    key = "PRIMARY KEY ((date, node), event_time)"
    create_table = (
        f"CREATE TABLE audit.audit_log (\n{columns}    {key}\n) WITH {id_}CLUSTERING ORDER BY (event_time ASC);\n"
    )
    yield "audit", "table", "audit_log", create_table


def roles(catalog: Catalog, *, with_passwords: bool) -> Iterator[Line]:
    """Roles, then grants, then service levels: as they can be run again in that order."""
    for role in sorted(catalog.roles.values() or [default_role()], key=lambda each: each.name):
        yield None, "role", quote(role.name, catalog.version), _create_role(catalog, role, with_passwords)
    for holder, statement in sorted(_grants(catalog)):
        yield None, "grant_permission", quote(holder, catalog.version), statement
    for verb in ("CREATE SERVICE LEVEL IF NOT EXISTS", "ALTER SERVICE LEVEL"):
        yield None, "service_level", "driver", f"{verb} {_SERVICE_LEVEL}"


def _create_role(catalog: Catalog, role: Role, with_passwords: bool) -> str:
    condition = "IF NOT EXISTS " if role.name == default_role().name else ""
    password = f"HASHED PASSWORD = '{role.salted_hash}' AND " if with_passwords and role.salted_hash else ""
    login, superuser = str(role.can_login).lower(), str(role.superuser).lower()
    name = quote(role.name, catalog.version)
    return f"CREATE ROLE {condition}{name} WITH {password}LOGIN = {login} AND SUPERUSER = {superuser};"


def _grants(catalog: Catalog) -> Iterator[tuple[str, str]]:
    version = catalog.version
    for grant in catalog.grants:
        resource = "ALL KEYSPACES"
        if grant.keyspace:
            resource = f"KEYSPACE {quote(grant.keyspace, version)}"
        if grant.name:
            resource = f"{quote(grant.keyspace, version)}.{quote(grant.name, version)}"
        yield grant.role, f"GRANT {grant.permission} ON {resource} TO {quote(grant.role, version)};"
    for role in catalog.roles.values():
        for permission in ("ALTER", "AUTHORIZE", "DROP") if role.creator else ():
            name, creator = quote(role.name, version), quote(role.creator, version)
            yield role.creator, f"GRANT {permission} ON ROLE {name} TO {creator};"
