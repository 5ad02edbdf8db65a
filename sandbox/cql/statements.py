"""The CQL statements that the sandbox understands, as values."""

from dataclasses import dataclass
from typing import Literal

from sandbox.cql.lexer import Kind


@dataclass(frozen=True, slots=True)
class Name:
    """Name of a table or a view; without a keyspace it is looked for in the session's."""

    keyspace: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: what kind of token it was, and its text."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Marker:
    """A bound value: its number in the statement, and its name if it had one (`:name`)."""

    number: int
    name: str | None = None


Term = Constant | Marker


@dataclass(frozen=True, slots=True)
class Relation:
    """`column = term`, or `column IN (terms)`."""

    column: str
    terms: tuple[Term, ...]
    is_in: bool


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT; `columns` is None for `*`."""

    table: Name
    columns: tuple[str, ...] | None
    where: tuple[Relation, ...]
    limit: Term | None
    allow_filtering: bool


DescribeSubject = Literal["cluster", "schema", "keyspaces", "keyspace", "tables", "table", "view", "anything"]


@dataclass(frozen=True, slots=True)
class Describe:
    """DESCRIBE.

    Attributes:
        subject: what; `anything` if only a name was given.
        name: of what; a keyspace's stands alone, without a keyspace of its own; None for listings.
        only: ONLY KEYSPACE: without what is in it.
        with_internals: WITH INTERNALS.
        with_passwords: ... AND PASSWORDS.
    """

    subject: DescribeSubject
    name: Name | None = None
    only: bool = False
    with_internals: bool = False
    with_passwords: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """What a permission is for: data (a table, a keyspace, or all of them), or roles (one, or all).

    `name` is the table's or the role's, empty for all; `keyspace` is empty for all, None if none was given.
    """

    kind: Literal["data", "role"]
    name: str
    keyspace: str | None = ""


@dataclass(frozen=True, slots=True)
class ListPermissions:
    """LIST [ALL PERMISSIONS | permission] [ON resource] [OF role] [NORECURSIVE]; no `permission` means all."""

    permission: str | None
    resource: Resource | None
    role: str | None
    recursive: bool


@dataclass(frozen=True, slots=True)
class AlterPermissions:
    """GRANT (or else REVOKE) a permission, all if None, on a resource to (from) a role."""

    grant: bool
    permission: str | None
    resource: Resource
    role: str


@dataclass(frozen=True, slots=True)
class CreateRole:
    """CREATE ROLE."""

    name: str
    password: str | None = None
    superuser: bool = False
    login: bool = False
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterTable:
    """ALTER TABLE ... ADD: the new columns with their types, as they are written."""

    table: Name
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Use:
    """USE: the session's keyspace from now on."""

    keyspace: str


Statement = Select | Describe | ListPermissions | AlterPermissions | AlterTable | CreateRole | Use
