"""The parser of CQL: what of it the sandbox understands. All else is an error, never an empty answer."""

from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.cql.errors import InvalidRequestError
from sandbox.cql.lexer import Token, error, tokens
from sandbox.cql.statements import (
    AlterPermissions,
    AlterTable,
    Constant,
    CreateRole,
    Describe,
    DescribeSubject,
    ListPermissions,
    Marker,
    Name,
    Relation,
    Resource,
    Select,
    Statement,
    Term,
    Use,
)
from sandbox.identifiers import is_reserved
from sandbox.version import ServerVersion


if TYPE_CHECKING:
    from collections.abc import Callable


_PERMISSIONS = ("ALTER", "AUTHORIZE", "CREATE", "DESCRIBE", "DROP", "EXECUTE", "MODIFY", "SELECT")
# CQL that a real node would run; said so, for a test's author looks at the message.
_UNSUPPORTED = (
    *("ALTER", "ATTACH", "BEGIN", "CREATE", "DELETE", "DETACH", "DROP", "INSERT", "PRUNE", "TRUNCATE"),
    "UPDATE",
)


def parse(text: str, version: ServerVersion) -> Statement:
    """The statement that a text holds.

    Raises:
        CqlSyntaxError: it isn't CQL, as far as the sandbox knows it.
        InvalidRequestError: it may be CQL, but not what the sandbox supports.
    """
    parser = _Parser(list(tokens(text)), version)
    statement = parser.statement()
    while parser.accept_mark(";"):
        pass
    parser.expect_end()
    return statement


class _Parser:
    def __init__(self, all_tokens: list[Token], version: ServerVersion) -> None:
        self._tokens = all_tokens
        self._position = 0
        self._markers = 0
        self._version = version

    def statement(self) -> Statement:
        statements: dict[tuple[str, ...], Callable[[], Statement]] = {
            ("SELECT",): self._select,
            ("DESCRIBE",): self._describe,
            ("DESC",): self._describe,
            ("USE",): lambda: Use(self._identifier()),
            ("CREATE", "ROLE"): self._create_role,
            ("ALTER", "TABLE"): self._alter_table,
            ("GRANT",): lambda: self._alter_permissions(grant=True),
            ("REVOKE",): lambda: self._alter_permissions(grant=False),
            ("LIST",): self._list_permissions,
        }
        for words, parse_rest in statements.items():
            if self._accept(*words):
                return parse_rest()
        first = self._next()
        if any(first.is_word(word) for word in _UNSUPPORTED):
            raise InvalidRequestError(f"The sandbox does not support this statement: {first.text.upper()} ...")
        raise error(first)

    def _select(self) -> Select:
        columns = None if self.accept_mark("*") else self._columns()
        self._expect("FROM")
        table = self._table_name()
        where = self._where() if self._accept("WHERE") else ()
        limit = self._term() if self._accept("LIMIT") else None
        return Select(table, columns, where, limit, allow_filtering=self._accept("ALLOW", "FILTERING"))

    def _columns(self) -> tuple[str, ...]:
        columns = [self._identifier()]
        while self.accept_mark(","):
            columns.append(self._identifier())
        return tuple(columns)

    def _where(self) -> tuple[Relation, ...]:
        relations = [self._relation()]
        while self._accept("AND"):
            relations.append(self._relation())
        return tuple(relations)

    def _relation(self) -> Relation:
        column = self._identifier()
        if self.accept_mark("="):
            return Relation(column, (self._term(),), is_in=False)
        self._expect("IN")
        self._expect_mark("(")
        terms = [self._term()]
        while self.accept_mark(","):
            terms.append(self._term())
        self._expect_mark(")")
        return Relation(column, tuple(terms), is_in=True)

    def _term(self) -> Term:
        token = self._next()
        if token.is_mark("?") or token.is_mark(":"):
            name = self._identifier() if token.text == ":" else None
            self._markers += 1
            return Marker(self._markers - 1, name)
        literal = token.kind in ("string", "uuid", "blob", "float", "integer")
        if literal or any(token.is_word(word) for word in ("true", "false")):
            return Constant(token.kind, token.text)
        raise error(token)

    def _describe(self) -> Describe:
        described = self._describe_subject()
        if not self._accept("WITH", "INTERNALS"):
            return described
        passwords = self._version.describes_roles and self._accept("AND", "PASSWORDS")
        return replace(described, with_internals=True, with_passwords=passwords)

    def _describe_subject(self) -> Describe:
        listings: dict[str, DescribeSubject] = {
            "CLUSTER": "cluster",
            "SCHEMA": "schema",
            "KEYSPACES": "keyspaces",
            "TABLES": "tables",
        }
        for word, subject in listings.items():
            if self._accept(word):
                return Describe(subject)
        only = self._accept("ONLY")
        if self._accept("KEYSPACE"):
            named = self._peek().kind in ("word", "name") and not self._peek().is_word("WITH")
            return Describe("keyspace", Name(None, self._identifier()) if named else None, only=only)
        if self._accept("TABLE") or self._accept("COLUMNFAMILY"):
            return Describe("table", self._table_name())
        if self._accept("MATERIALIZED", "VIEW"):
            return Describe("view", self._table_name())
        return Describe("anything", self._table_name())

    def _list_permissions(self) -> ListPermissions:
        permission = self._permission()
        resource = self._resource() if self._accept("ON") else None
        role = self._role() if self._accept("OF") else None
        return ListPermissions(permission, resource, role, recursive=not self._accept("NORECURSIVE"))

    def _alter_permissions(self, *, grant: bool) -> AlterPermissions:
        permission = self._permission()
        self._expect("ON")
        resource = self._resource()
        self._expect("TO" if grant else "FROM")
        return AlterPermissions(grant, permission, resource, self._role())

    def _alter_table(self) -> AlterTable:
        table = self._table_name()
        if not self._accept("ADD"):
            raise InvalidRequestError("The sandbox supports no other ALTER TABLE than ADD")
        bracketed = self.accept_mark("(")
        columns = [(self._identifier(), self._identifier())]
        while self.accept_mark(","):
            columns.append((self._identifier(), self._identifier()))
        if bracketed:
            self._expect_mark(")")
        return AlterTable(table, tuple(columns))

    def _permission(self) -> str | None:
        if self._accept("ALL"):
            self._accept("PERMISSIONS")
            return None
        token = self._next()
        added = ("VECTOR_SEARCH_INDEXING",) if self._version.versions_readable_by_indexers else ()
        if not any(token.is_word(permission) for permission in (*_PERMISSIONS, *added)):
            raise error(token)
        self._accept("PERMISSION")
        return token.text.upper()

    def _resource(self) -> Resource:
        if self._accept("ALL", "KEYSPACES"):
            return Resource("data", "")
        if self._accept("ALL", "ROLES"):
            return Resource("role", "")
        if self._accept("KEYSPACE"):
            return Resource("data", "", self._identifier())
        if self._accept("ROLE"):
            return Resource("role", self._role())
        if not self._accept("TABLE"):
            self._accept("COLUMNFAMILY")
        table = self._table_name()
        return Resource("data", table.name, table.keyspace)

    def _create_role(self) -> CreateRole:
        if_not_exists = self._accept("IF", "NOT", "EXISTS")
        role = CreateRole(self._role(), if_not_exists=if_not_exists)
        if self._accept("WITH"):
            role = self._role_option(role)
            while self._accept("AND"):
                role = self._role_option(role)
        return role

    def _role_option(self, role: CreateRole) -> CreateRole:
        option = self._next()
        self._expect_mark("=")
        token = self._next()
        if option.is_word("PASSWORD") and token.kind == "string":
            return replace(role, password=token.text)
        if not (token.is_word("true") or token.is_word("false")):
            raise error(token)
        if option.is_word("SUPERUSER"):
            return replace(role, superuser=token.is_word("true"))
        if option.is_word("LOGIN"):
            return replace(role, login=token.is_word("true"))
        raise error(option)

    def _role(self) -> str:
        token = self._peek()
        return self._next().text if token.kind == "string" else self._identifier()

    def _table_name(self) -> Name:
        name = self._identifier()
        return Name(name, self._identifier()) if self.accept_mark(".") else Name(None, name)

    def _identifier(self) -> str:
        token = self._next()
        if token.kind == "name":
            return token.text
        if token.kind == "word" and not is_reserved(token.text, self._version):
            return token.text.lower()
        raise error(token)

    def accept_mark(self, mark: str) -> bool:
        accepted = self._peek().is_mark(mark)
        self._position += accepted
        return accepted

    def expect_end(self) -> None:
        if self._peek().kind != "end":
            raise error(self._peek())

    def _accept(self, *words: str) -> bool:
        ahead = self._tokens[self._position : self._position + len(words)]
        accepted = len(ahead) == len(words) and all(t.is_word(w) for t, w in zip(ahead, words, strict=True))
        self._position += len(words) if accepted else 0
        return accepted

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise error(self._peek())

    def _expect_mark(self, mark: str) -> None:
        if not self.accept_mark(mark):
            raise error(self._peek())

    def _peek(self) -> Token:
        return self._tokens[self._position]

    def _next(self) -> Token:
        token = self._tokens[self._position]
        if token.kind != "end":
            self._position += 1
        return token
