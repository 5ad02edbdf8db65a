"""Roles and permissions over CQL: who may read what, LIST PERMISSIONS, GRANT, REVOKE, CREATE ROLE.

A session without a role is that of a node that asks nobody for credentials: it may read and do everything but what
needs to know who asks.
"""

from sandbox.catalog import Catalog, Grant, Role
from sandbox.column_families import find_column_family
from sandbox.cql.errors import CqlSyntaxError, InvalidRequestError, UnauthorizedError
from sandbox.cql.namespace import has_keyspace, is_system_table
from sandbox.cql.results import ResultSet, text_columns
from sandbox.cql.statements import AlterPermissions, CreateRole, ListPermissions, Resource


_TABLE_PERMISSIONS = ("ALTER", "AUTHORIZE", "DROP", "MODIFY", "SELECT")
_KEYSPACE_PERMISSIONS = (*_TABLE_PERMISSIONS, "CREATE")
_INDEXING = "VECTOR_SEARCH_INDEXING"
_READABLE_BY_ALL = ("local", "peers")
_PAXOS_SUFFIX = "$paxos"


def require_select(catalog: Catalog, role: Role | None, keyspace: str, name: str) -> None:
    """Refuse a role that may not read a table.

    Raises:
        UnauthorizedError: it may not.
    """
    if role is None or keyspace == "system_schema" or (keyspace == "system" and name in _READABLE_BY_ALL):
        return
    resource = Resource("data", name, keyspace)
    if name.endswith(_PAXOS_SUFFIX) and not role.superuser:
        raise UnauthorizedError(f"Only superusers are allowed to SELECT {_described(resource)}")
    for_indexers = catalog.version.versions_readable_by_indexers and (keyspace, name) == ("system", "versions")
    if for_indexers and not any(_holds(catalog, role, each, resource) for each in ("SELECT", _INDEXING)):
        raise UnauthorizedError(
            f"User {role.name} has none of the permissions (SELECT, {_INDEXING}) on {_described(resource)}"
            " or any of its parents"
        )
    if not for_indexers:
        _require(catalog, role, "SELECT", resource)


def require_alter(catalog: Catalog, role: Role | None, keyspace: str, name: str) -> None:
    """Refuse a role that may not change a table.

    Raises:
        UnauthorizedError: it may not.
    """
    if role is not None:
        _require(catalog, role, "ALTER", Resource("data", name, keyspace))


def list_permissions(
    catalog: Catalog, role: Role | None, statement: ListPermissions, keyspace: str | None
) -> ResultSet:
    """LIST PERMISSIONS: on a given table everybody's, to everybody who is logged in; all else is for superusers.

    Raises:
        UnauthorizedError: the role may not see them, or nobody is logged in.
        InvalidRequestError: no such table or role.
    """
    resource = statement.resource and _resolved(statement.resource, keyspace)
    if resource is not None:
        _require_exists(catalog, resource)
    else:
        _require_overview(catalog, role, statement.role)
    _require_login(role)
    if statement.role is not None:
        _require_role(catalog, statement.role)
    found = [
        (holder, shown, permission)
        for holder, shown, permission in _all_permissions(catalog)
        if statement.role in (None, holder)
        and statement.permission in (None, permission)
        and (resource is None or shown in _scope(resource, recursive=statement.recursive))
    ]
    found.sort(key=lambda each: (each[0], each[1].kind, each[1].keyspace or "", each[1].name, each[2]))
    return ResultSet(
        "system",
        "permissions",
        text_columns("role", "username", "resource", "permission"),
        [(holder, holder, _described(shown), permission) for holder, shown, permission in found],
    )


def alter_permissions(catalog: Catalog, role: Role | None, statement: AlterPermissions, keyspace: str | None) -> None:
    """GRANT and REVOKE on tables and keyspaces.

    Raises:
        UnauthorizedError: the role may not give or take that.
        InvalidRequestError: no such table or role; permissions on roles, which the sandbox doesn't keep.
        CqlSyntaxError: there is no such permission on that.
    """
    resource = _resolved(statement.resource, keyspace)
    applicable = _applicable(catalog, resource)
    permissions = applicable if statement.permission is None else {statement.permission} & applicable
    if not permissions:
        raise CqlSyntaxError(f"Resource {_described(resource)} does not support any of the requested permissions.")
    role = _require_login(role)
    _require_exists(catalog, resource)
    for permission in ("AUTHORIZE", *sorted(permissions)):
        _require(catalog, role, permission, resource)
    if resource.kind == "role":
        raise InvalidRequestError("The sandbox does not support permissions on roles")
    _require_role(catalog, statement.role)
    grants = {Grant(statement.role, resource.keyspace or "", resource.name, each) for each in permissions}
    if statement.grant:
        catalog.grants |= grants
    else:
        catalog.grants -= grants


def create_role(catalog: Catalog, role: Role | None, statement: CreateRole) -> None:
    """CREATE ROLE: its creator may alter and drop it.

    Raises:
        UnauthorizedError: the role may not do that.
        InvalidRequestError: there is such a role already.
    """
    creator = _require_login(role)
    _require(catalog, creator, "CREATE", Resource("role", ""))
    if statement.superuser and not creator.superuser:
        raise UnauthorizedError("Only superusers can create a role with superuser status.")
    if statement.name in catalog.roles:
        if statement.if_not_exists:
            return
        raise InvalidRequestError(f"Role {statement.name} already exists.")
    created = catalog.add_role(statement.name, statement.password or "", superuser=statement.superuser)
    created.can_login = statement.login
    created.creator = creator.name


def _all_permissions(catalog: Catalog) -> list[tuple[str, Resource, str]]:
    found = [(grant.role, Resource("data", grant.name, grant.keyspace), grant.permission) for grant in catalog.grants]
    for role in catalog.roles.values():
        if role.creator:
            mine = Resource("role", role.name)
            found += [(role.creator, mine, permission) for permission in ("ALTER", "AUTHORIZE", "DROP")]
    return found


def _require_login(role: Role | None) -> Role:
    if role is None:
        raise UnauthorizedError("You have to be logged in and not anonymous to perform this request")
    return role


def _require_overview(catalog: Catalog, role: Role | None, of: str | None) -> None:
    if role is not None and role.superuser:
        return
    if of is None:
        raise UnauthorizedError("You are not authorized to view everyone's permissions")
    if role is not None:
        _require_role(catalog, of)
    if role is None or role.name != of:
        raise UnauthorizedError(f"You are not authorized to view {of}'s permissions")


def _require_role(catalog: Catalog, name: str) -> None:
    if name not in catalog.roles:
        raise InvalidRequestError(f"Role {name} doesn't exist.")


def _require(catalog: Catalog, role: Role, permission: str, resource: Resource) -> None:
    if not _holds(catalog, role, permission, resource):
        raise UnauthorizedError(
            f"User {role.name} has no {permission} permission on {_described(resource)} or any of its parents"
        )


def _holds(catalog: Catalog, role: Role, permission: str, resource: Resource) -> bool:
    if role.superuser:
        return True
    scope = _scope(resource, recursive=True)
    return any(
        (holder, held) == (role.name, permission) and on in scope for holder, on, held in _all_permissions(catalog)
    )


def _require_exists(catalog: Catalog, resource: Resource) -> None:
    keyspace, name = resource.keyspace or "", resource.name
    if resource.kind == "role":
        exists = not name or name in catalog.roles
    elif name:
        exists = find_column_family(catalog, keyspace, name) is not None or is_system_table(catalog, keyspace, name)
    else:
        exists = not keyspace or has_keyspace(catalog, keyspace)
    if not exists:
        raise InvalidRequestError(f"{_described(resource)} doesn't exist.")


def _resolved(resource: Resource, current: str | None) -> Resource:
    if resource.keyspace is not None:
        return resource
    if current is None:
        raise InvalidRequestError("You have not set a keyspace for this session")
    return Resource(resource.kind, resource.name, current)


def _scope(resource: Resource, *, recursive: bool) -> tuple[Resource, ...]:
    if not recursive:
        return (resource,)
    if resource.kind == "role":
        return (resource, Resource("role", ""))
    return (resource, Resource("data", "", resource.keyspace), Resource("data", ""))


def _applicable(catalog: Catalog, resource: Resource) -> set[str]:
    if resource.kind == "role":
        return {"ALTER", "AUTHORIZE", "DROP"} | (set() if resource.name else {"CREATE", "DESCRIBE"})
    if resource.name:
        return set(_TABLE_PERMISSIONS)
    indexing = catalog.version.versions_readable_by_indexers and not resource.keyspace
    return {*_KEYSPACE_PERMISSIONS, _INDEXING} if indexing else set(_KEYSPACE_PERMISSIONS)


def _described(resource: Resource) -> str:
    if resource.kind == "role":
        return f"<role {resource.name}>" if resource.name else "<all roles>"
    if resource.name:
        return f"<table {resource.keyspace}.{resource.name}>"
    return f"<keyspace {resource.keyspace}>" if resource.keyspace else "<all keyspaces>"
