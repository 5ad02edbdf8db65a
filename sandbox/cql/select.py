"""SELECT from the system tables. Items are Alternator's: a SELECT on a user's table is refused."""

import ipaddress
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sandbox.catalog import Catalog
from sandbox.columns import Column
from sandbox.columns import columns as columns_of
from sandbox.cql.errors import InvalidRequestError
from sandbox.cql.lexer import Kind
from sandbox.cql.namespace import keyspace_of, require_table
from sandbox.cql.results import ResultColumn, ResultSet
from sandbox.cql.statements import Constant, Marker, Relation, Select, Term
from sandbox.cql.system_rows import Row, rows
from sandbox.cql.system_schemas import find_system_table
from sandbox.cql.types import CqlType, parse, serialize


_LIMIT = ResultColumn("[limit]", parse("int"))


@dataclass(frozen=True, slots=True)
class SelectPlan:
    """A SELECT whose table and columns exist.

    Attributes:
        selected: the columns of the result.
        markers: what is to be bound, in order.
        answerable: whether the sandbox has the table's rows.
    """

    keyspace: str
    table: str
    selected: tuple[ResultColumn, ...]
    markers: tuple[ResultColumn, ...]
    answerable: bool
    statement: Select
    types: dict[str, CqlType]

    def run(self, catalog: Catalog, values: Sequence[bytes | None]) -> ResultSet:
        """The rows, with values bound to the markers.

        Raises:
            InvalidRequestError: not as many values as markers, a value that can't be, or a table without rows here.
        """
        if len(values) != len(self.markers):
            raise InvalidRequestError("Invalid amount of bind variables")
        if not self.answerable:
            raise InvalidRequestError(f"The sandbox does not answer SELECT on {self.keyspace}.{self.table}")
        wanted = [
            (relation.column, [self._bytes(relation.column, term, values) for term in relation.terms])
            for relation in self.statement.where
        ]
        found = [row for row in rows(catalog, self.keyspace, self.table) if self._matches(row, wanted)]
        found = found[: self._limit(values)]
        selected = [[row.get(column.name) for column in self.selected] for row in found]
        return ResultSet(self.keyspace, self.table, self.selected, selected)

    def _matches(self, row: Row, wanted: list[tuple[str, list[bytes]]]) -> bool:
        return all(serialize(self.types[column], row.get(column)) in allowed for column, allowed in wanted)

    def _bytes(self, column: str, term: Term, values: Sequence[bytes | None]) -> bytes:
        if isinstance(term, Constant):
            return _constant(term, column, self.types[column])
        bound = values[term.number]
        if bound is None:
            raise InvalidRequestError(f"Invalid null value for column {column}")
        return bound

    def _limit(self, values: Sequence[bytes | None]) -> int | None:
        term = self.statement.limit
        if term is None:
            return None
        encoded = values[term.number] if isinstance(term, Marker) else _constant(term, _LIMIT.name, _LIMIT.type)
        limit = int.from_bytes(encoded or b"", "big", signed=True)
        if limit <= 0:
            raise InvalidRequestError("LIMIT must be strictly positive")
        return limit


def plan(statement: Select, catalog: Catalog, current_keyspace: str | None) -> SelectPlan:
    """Look the table and the columns up.

    Raises:
        InvalidRequestError: no such keyspace, table or column; a WHERE clause that would need filtering.
    """
    keyspace, name = keyspace_of(statement.table, current_keyspace), statement.table.name
    family = require_table(catalog, keyspace, name)
    system_table = find_system_table(keyspace, name, catalog.version)
    if family is not None or system_table is None:
        known = columns_of(family, catalog.version) if family is not None else []
        if known:
            _require_columns(statement, known)
        return SelectPlan(keyspace, name, (), (), answerable=False, statement=statement, types={})
    _require_columns(statement, system_table.columns)
    _check_where(statement, system_table.columns)
    types = {column.name: parse(column.type) for column in system_table.columns}
    selected = tuple(ResultColumn(each, types[each]) for each in statement.columns or types)
    markers = _markers(statement, types)
    return SelectPlan(keyspace, name, selected, markers, answerable=True, statement=statement, types=types)


def _require_columns(statement: Select, known: Sequence[Column]) -> None:
    names = {column.name for column in known}
    for name in (*(statement.columns or ()), *(relation.column for relation in statement.where)):
        if name not in names:
            raise InvalidRequestError(f"Unrecognized name {name}")


def _markers(statement: Select, types: dict[str, CqlType]) -> tuple[ResultColumn, ...]:
    terms = [
        (term, ResultColumn(relation.column, types[relation.column]))
        for relation in statement.where
        for term in relation.terms
    ]
    if statement.limit is not None:
        terms.append((statement.limit, _LIMIT))
    return tuple(
        ResultColumn(term.name or column.name, column.type) for term, column in terms if isinstance(term, Marker)
    )


def _check_where(statement: Select, known: Sequence[Column]) -> None:
    restricted = {relation.column: relation for relation in statement.where}
    if len(restricted) < len(statement.where):
        raise InvalidRequestError("More than one restriction was found for one column")
    if statement.allow_filtering or not restricted:
        return
    if _needs_filtering(restricted, known):
        raise InvalidRequestError(
            "Cannot execute this query as it might involve data filtering and thus may have unpredictable"
            " performance. If you want to execute this query despite the performance unpredictability, use"
            " ALLOW FILTERING"
        )


def _needs_filtering(restricted: dict[str, Relation], known: Sequence[Column]) -> bool:
    clustering = [column.name for column in known if column.kind == "clustering"]
    for previous, name in pairwise(clustering):
        if name in restricted and previous not in restricted:
            raise InvalidRequestError(
                f'PRIMARY KEY column "{name}" cannot be restricted as preceding column "{previous}" is not restricted'
            )
    partition = {column.name for column in known if column.kind == "partition_key"}
    return not partition <= restricted.keys() or not restricted.keys() <= partition | set(clustering)


def _constant(constant: Constant, column: str, type_: CqlType) -> bytes:
    kind, convert = _CONVERSIONS.get(type_.name, (None, None))
    try:
        value = convert(constant.text) if convert is not None and constant.kind == kind else None
    except ValueError:
        value = None
    encoded = serialize(type_, value)
    if encoded is None:
        shown = "BOOLEAN" if constant.kind == "word" else constant.kind.upper()
        raise InvalidRequestError(f'Invalid {shown} constant ({constant.text}) for "{column}" of type {type_}')
    return encoded


def _address(text: str) -> str:
    return str(ipaddress.IPv4Address(text))


_CONVERSIONS: dict[str, tuple[Kind, Callable[[str], object]]] = {
    "text": ("string", str),
    "inet": ("string", _address),
    "uuid": ("uuid", uuid.UUID),
    "timeuuid": ("uuid", uuid.UUID),
    "int": ("integer", int),
    "bigint": ("integer", int),
    "boolean": ("word", lambda text: text.lower() == "true"),
    "blob": ("blob", lambda text: bytes.fromhex(text[2:])),
}
