"""One request to Alternator, its signature checked and its JSON parsed, with the node that it is for."""

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.alternator import authorization
from sandbox.alternator.errors import AccessDeniedError, ValidationError, table_not_found
from sandbox.alternator.names import validate_table_name
from sandbox.catalog import Catalog, Role, Table
from sandbox.items import Items
from sandbox.version import ServerVersion
from sandbox.view_updates import ViewUpdates


if TYPE_CHECKING:
    from sandbox.data_directory import DataDirectory


@dataclass(frozen=True, slots=True)
class Node:
    """What the operations work on.

    Attributes:
        catalog: tables, roles and grants.
        items: the tables' items.
        data: the tables' files.
        views: the views of the tables' indexes.
        described_sizes_bytes: the sizes that DescribeTable has told, by the table's id. The real node keeps them
            for six hours, which is longer than a sandbox lives.
    """

    catalog: Catalog
    items: Items
    data: "DataDirectory"
    views: ViewUpdates
    described_sizes_bytes: dict[uuid.UUID, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        node: what it is for.
        body: its JSON.
        role: who signed it, None where authorization is off.
        client: the address that it came from.
    """

    node: Node
    body: dict[str, Any]
    role: Role | None
    client: str

    @property
    def version(self) -> ServerVersion:
        """The version that the node plays."""
        return self.node.catalog.version

    def table_name(self) -> str:
        """The request's `TableName`, whatever it is.

        Raises:
            ValidationError: it is missing or no text.
        """
        name = self.body.get("TableName")
        if name is None:
            raise ValidationError("Missing TableName field in request")
        if not isinstance(name, str):
            raise ValidationError("Non-string TableName field in request")
        return name

    def table(self) -> Table:
        """The table that the request names.

        Raises:
            ValidationError: no table can have that name.
            ResourceNotFoundError: no table has.
        """
        name = self.table_name()
        table = self.node.catalog.tables.get(name)
        if table is None:
            validate_table_name(name, self.version.table_name_max_length)
            raise table_not_found(name)
        return table

    def arn(self) -> str:
        """The request's `ResourceArn`.

        Raises:
            AccessDeniedError: it is missing or no text.
        """
        arn = self.body.get("ResourceArn")
        if not isinstance(arn, str):
            raise AccessDeniedError("Incorrect resource identifier")
        return arn

    def require(self, permission: str, table: Table, *, view: str | None = None) -> None:
        """Refuse who has no such permission on the table, or on its view of that name."""
        if self.role is not None:
            authorization.require(self.node.catalog, self.role, permission, table, view=view, client=self.client)


def member(value: Any, name: str) -> Any:
    """A member of a JSON object, None if there is none or the value is no object."""
    return value.get(name) if isinstance(value, dict) else None
