"""Rows with the time of each write, as SSTables hold them: rows of different ages are merged, the newest write wins.

Times are microseconds since the epoch; 0 stands for never.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


Value = dict[str, Any]
"""An attribute's value as DynamoDB JSON: {type: value}."""

ItemJson = dict[str, Value]
"""An item or a key as DynamoDB JSON: attribute -> value."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One attribute of a row.

    Attributes:
        written_at: when.
        value: None where the attribute was removed.
        in_column: it is in a real column of its own, not in the map of all attributes.
    """

    written_at: int
    value: Value | None
    in_column: bool = False

    def rank(self) -> tuple[int, bool, str]:
        """What decides between two cells: the time, then the deletion, then the greater value, as on the server."""
        return self.written_at, self.value is None, json.dumps(self.value, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Row:
    """What was written under one key.

    Attributes:
        key: the attributes of the table's key.
        deleted_at: all that is not younger is gone.
        marked_at: from then on the item is there, even without any attribute but its key.
        cells: the other attributes.
    """

    key: ItemJson
    deleted_at: int = 0
    marked_at: int = 0
    cells: Mapping[str, Cell] = field(default_factory=dict)

    def merged(self, other: "Row") -> "Row":
        """Both writes together, whichever came first."""
        deleted_at = max(self.deleted_at, other.deleted_at)
        cells = dict(self.cells)
        for name, cell in other.cells.items():
            cells[name] = max(cells[name], cell, key=Cell.rank) if name in cells else cell
        alive = {name: cell for name, cell in cells.items() if cell.written_at > deleted_at}
        return Row(self.key, deleted_at, max(self.marked_at, other.marked_at), alive)

    def item(self) -> ItemJson | None:
        """The item that a client sees, None where there is none."""
        values = {name: cell.value for name, cell in self.cells.items() if cell.value is not None}
        if not values and self.marked_at <= self.deleted_at:
            return None
        return self.key | values


def put(key: ItemJson, item: ItemJson, written_at: int, columns: Collection[str] = ()) -> Row:
    """A write of a whole item, which replaces what was there: that is deleted just before.

    Args:
        key: of the item.
        item: all of it.
        written_at: when.
        columns: attributes that have a real column.
    """
    others = {name: value for name, value in item.items() if name not in key}
    return Row(key, written_at - 1, written_at, _cells(others, written_at, columns))


def update(key: ItemJson, values: Mapping[str, Value | None], written_at: int, columns: Collection[str] = ()) -> Row:
    """A write of some attributes, None to remove one; all others stay. Arguments as for `put`."""
    return Row(key, 0, written_at, _cells(values, written_at, columns))


def deletion(key: ItemJson, written_at: int) -> Row:
    """A deletion of the item with that key."""
    return Row(key, deleted_at=written_at)


def _cells(values: Mapping[str, Value | None], written_at: int, columns: Collection[str]) -> dict[str, Cell]:
    return {name: Cell(written_at, value, name in columns) for name, value in values.items()}
