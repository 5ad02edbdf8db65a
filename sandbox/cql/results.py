"""What a statement is answered with, as the bodies of RESULT frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.cql import frames
from sandbox.cql.types import CqlType, option, parse, serialize


VOID = frames.integer(1)

_ROWS = 2
_SET_KEYSPACE = 3
_PREPARED = 4
_SCHEMA_CHANGE = 5
_GLOBAL_TABLE = 0x01
_NO_METADATA = 0x04


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result, or a bound value of a prepared statement."""

    name: str
    type: CqlType


@dataclass(frozen=True, slots=True)
class ResultSet:
    """Rows: one page, however many there are.

    Attributes:
        keyspace, table: what all its columns belong to.
        columns: in order.
        rows: the values of each row, in the order of the columns.
    """

    keyspace: str
    table: str
    columns: tuple[ResultColumn, ...]
    rows: Sequence[Sequence[Any]]

    def body(self) -> bytes:
        """The body of the frame."""
        types = [column.type for column in self.columns]
        cells = (frames.value(serialize(*cell)) for row in self.rows for cell in zip(types, row, strict=True))
        metadata = _metadata(self.keyspace, self.table, self.columns)
        return frames.integer(_ROWS) + metadata + frames.integer(len(self.rows)) + b"".join(cells)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared statement: its id, what is to be bound, and the columns of the rows that it will give, if any."""

    id: bytes
    keyspace: str
    table: str
    markers: tuple[ResultColumn, ...]
    columns: tuple[ResultColumn, ...]

    def body(self, version: int) -> bytes:
        """The body of the frame, in a version of the protocol."""
        partition_keys = frames.integer(0) if version >= frames.NEWEST_VERSION else b""
        result = _metadata(self.keyspace, self.table, self.columns)
        if not self.columns:
            result = frames.integer(_NO_METADATA) + frames.integer(0)
        return (
            frames.integer(_PREPARED)
            + frames.short_bytes(self.id)
            + _metadata(self.keyspace, self.table, self.markers, partition_keys)
            + result
        )


def set_keyspace(keyspace: str) -> bytes:
    """The body that answers USE."""
    return frames.integer(_SET_KEYSPACE) + frames.string(keyspace)


def table_updated(keyspace: str, name: str) -> bytes:
    """The body that answers a change of a table."""
    return frames.integer(_SCHEMA_CHANGE) + b"".join(map(frames.string, ("UPDATED", "TABLE", keyspace, name)))


def text_columns(*names: str) -> tuple[ResultColumn, ...]:
    """Columns of type text."""
    return tuple(ResultColumn(name, parse("text")) for name in names)


def _metadata(keyspace: str, table: str, columns: Sequence[ResultColumn], partition_keys: bytes = b"") -> bytes:
    return (
        frames.integer(_GLOBAL_TABLE)
        + frames.integer(len(columns))
        + partition_keys
        + frames.string(keyspace)
        + frames.string(table)
        + b"".join(frames.string(column.name) + option(column.type) for column in columns)
    )
