"""What is in a `Data.db` of the sandbox: rows with the times of their writes, in a format of our own.

`MAGIC`, then JSON texts, one a line, deflated with zlib: first the columns that the rows were written with, then the
rows.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.rows import Cell, Row


MAGIC = b"sandbox-sstable-2\n"


@dataclass(frozen=True, slots=True)
class WrittenSchema:
    """The columns that rows were written with.

    Attributes:
        key_types: CQL types of the partition key and the clustering key.
        columns: the real columns beside them: name -> CQL type.
        compressor: as the table's options name it.
    """

    key_types: tuple[str, ...]
    columns: dict[str, str]
    compressor: str


class UnreadableDataError(ValueError):
    """These bytes are not of the sandbox's making, or damaged."""


def encode(schema: WrittenSchema, rows: Iterable[Row]) -> tuple[bytes, int]:
    """The content of a `Data.db`, and its size before compression in bytes."""
    head = {"key_types": schema.key_types, "columns": schema.columns, "compressor": schema.compressor}
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in (head, *map(_row_to_json, rows)))
    return MAGIC + zlib.compress(text.encode()), len(text)


def decode(data: bytes) -> tuple[WrittenSchema, list[Row]]:
    """What `encode` was given.

    Raises:
        UnreadableDataError: the sandbox did not write this.
    """
    if not data.startswith(MAGIC):
        raise UnreadableDataError("the sandbox reads only SSTables that it has written itself")
    try:
        head, *lines = zlib.decompress(data.removeprefix(MAGIC)).decode().splitlines()
    except (zlib.error, UnicodeDecodeError, ValueError) as error:
        raise UnreadableDataError(f"damaged: {error}") from error
    told = json.loads(head)
    schema = WrittenSchema(tuple(told["key_types"]), told["columns"], told["compressor"])
    return schema, [_row_of(json.loads(line)) for line in lines]


def _row_to_json(row: Row) -> dict[str, Any]:
    cells = {name: [cell.written_at, cell.value, cell.in_column] for name, cell in row.cells.items()}
    return {"key": row.key, "deleted_at": row.deleted_at, "marked_at": row.marked_at, "cells": cells}


def _row_of(told: dict[str, Any]) -> Row:
    cells = {name: Cell(*cell) for name, cell in told["cells"].items()}
    return Row(told["key"], told["deleted_at"], told["marked_at"], cells)
