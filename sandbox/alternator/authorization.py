"""Who may do what: grants are checked, given to the creator of a table, and end with it."""

from sandbox.alternator.errors import AccessDeniedError
from sandbox.catalog import Catalog, Grant, Role, Table


_CREATOR_PERMISSIONS = ("ALTER", "AUTHORIZE", "DROP", "MODIFY", "SELECT")
_ALL_KEYSPACES = ("", "")


def require(
    catalog: Catalog, role: Role, permission: str, table: Table, *, view: str | None = None, client: str
) -> None:
    """Refuse a role that has no such permission on a table.

    Args:
        catalog: holds the grants.
        role: who asks.
        permission: what for.
        table: on what.
        view: name of the table's view, if it is about that and not about the table.
        client: the client's address, which some versions tell.

    Raises:
        AccessDeniedError: the role has no such permission.
    """
    name = view or table.name
    if not _holds(catalog, role, permission, (table.keyspace, name), (table.keyspace, ""), _ALL_KEYSPACES):
        suffix = f", client address {client}" if catalog.version.denials_name_client else ""
        raise AccessDeniedError(
            f"{permission} access on table {table.keyspace}.{name} is denied to role {role.name}{suffix}"
        )


def require_create(catalog: Catalog, role: Role) -> None:
    """Refuse a role that can't create tables, which takes CREATE on all keyspaces.

    Raises:
        AccessDeniedError: it can't.
    """
    if not _holds(catalog, role, "CREATE", _ALL_KEYSPACES):
        raise AccessDeniedError(f"CREATE access on ALL KEYSPACES is denied to role {role.name}")


def grant_to_creator(catalog: Catalog, role: Role, table: Table, name: str) -> None:
    """Give the role that made a table or a view every permission on it."""
    catalog.grants.update(Grant(role.name, table.keyspace, name, each) for each in _CREATOR_PERMISSIONS)


def revoke_all(catalog: Catalog, table: Table, name: str) -> None:
    """Take everybody's permissions on a table or a view away, as it is dropped."""
    gone = (table.keyspace, name)
    catalog.grants -= {grant for grant in catalog.grants if (grant.keyspace, grant.name) == gone}


def _holds(catalog: Catalog, role: Role, permission: str, *resources: tuple[str, str]) -> bool:
    return role.superuser or any(
        Grant(role.name, keyspace, name, permission) in catalog.grants for keyspace, name in resources
    )
