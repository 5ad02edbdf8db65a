"""A client's session: it runs statements as one role, with a keyspace of its own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.catalog import Catalog, Role
from sandbox.cql import permissions, results
from sandbox.cql.alter_table import alter_table
from sandbox.cql.describe import describe
from sandbox.cql.errors import InvalidRequestError, UnpreparedError
from sandbox.cql.frames import short_bytes
from sandbox.cql.namespace import has_keyspace
from sandbox.cql.parser import parse
from sandbox.cql.results import Prepared
from sandbox.cql.select import plan
from sandbox.cql.statements import (
    AlterPermissions,
    AlterTable,
    CreateRole,
    Describe,
    ListPermissions,
    Select,
    Statement,
    Use,
)


@dataclass(frozen=True, slots=True)
class PreparedText:
    """A statement that was prepared, and the keyspace that it is to run in."""

    text: str
    keyspace: str | None


class PreparedStatements(dict[bytes, PreparedText]):
    """The statements that any session of a node has prepared, by their ids."""


class Session:
    """Runs statements.

    Args:
        catalog: the node's state.
        prepared: the node's prepared statements.
        role: who runs them, None where nobody is asked for credentials.
    """

    def __init__(self, catalog: Catalog, prepared: PreparedStatements, role: Role | None) -> None:
        self._catalog = catalog
        self._prepared = prepared
        self._role = role
        self._keyspace: str | None = None

    def query(self, text: str, values: Sequence[bytes | None] = ()) -> bytes:
        """Run a statement; the body of the RESULT.

        Raises:
            CqlError: it is refused.
        """
        with self._catalog.lock:
            return self._run(parse(text, self._catalog.version), values, self._keyspace)

    def prepare(self, text: str) -> Prepared:
        """Prepare a statement for this node's sessions.

        Raises:
            CqlError: it is refused.
        """
        id_ = hashlib.md5(f"{self._keyspace}:{text}".encode(), usedforsecurity=False).digest()
        with self._catalog.lock:
            statement = parse(text, self._catalog.version)
            prepared = Prepared(id_, "", "", (), ())
            if isinstance(statement, Select):
                planned = plan(statement, self._catalog, self._keyspace)
                prepared = Prepared(id_, planned.keyspace, planned.table, planned.markers, planned.selected)
            self._prepared[id_] = PreparedText(text, self._keyspace)
        return prepared

    def text_of(self, id_: bytes) -> str:
        """The text of a prepared statement.

        Raises:
            UnpreparedError: this node knows none of that id.
        """
        return self._find(id_).text

    def execute(self, id_: bytes, values: Sequence[bytes | None]) -> bytes:
        """Run a prepared statement; the body of the RESULT.

        Raises:
            CqlError: it is refused, or unknown.
        """
        prepared = self._find(id_)
        with self._catalog.lock:
            return self._run(parse(prepared.text, self._catalog.version), values, prepared.keyspace)

    def _find(self, id_: bytes) -> PreparedText:
        if id_ not in self._prepared:
            raise UnpreparedError(f"No prepared statement with ID {id_.hex()} found.", short_bytes(id_))
        return self._prepared[id_]

    def _run(self, statement: Statement, values: Sequence[bytes | None], keyspace: str | None) -> bytes:
        if isinstance(statement, Select):
            planned = plan(statement, self._catalog, keyspace)
            permissions.require_select(self._catalog, self._role, planned.keyspace, planned.table)
            return planned.run(self._catalog, values).body()
        if values:
            raise InvalidRequestError("Invalid amount of bind variables")
        if isinstance(statement, Describe):
            return describe(self._catalog, self._role, statement, keyspace).body()
        if isinstance(statement, ListPermissions):
            return permissions.list_permissions(self._catalog, self._role, statement, keyspace).body()
        return self._change(statement, keyspace)

    def _change(self, statement: AlterPermissions | AlterTable | CreateRole | Use, keyspace: str | None) -> bytes:
        if isinstance(statement, AlterPermissions):
            permissions.alter_permissions(self._catalog, self._role, statement, keyspace)
            return results.VOID
        if isinstance(statement, AlterTable):
            return alter_table(self._catalog, self._role, statement, keyspace)
        if isinstance(statement, CreateRole):
            permissions.create_role(self._catalog, self._role, statement)
            return results.VOID
        if not has_keyspace(self._catalog, statement.keyspace):
            raise InvalidRequestError(f"Keyspace '{statement.keyspace}' does not exist")
        self._keyspace = statement.keyspace
        return results.set_keyspace(statement.keyspace)
