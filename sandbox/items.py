"""The items of all tables of a node: every row with the times of its writes, and what clients see of it."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox import expressions, rows
from sandbox.catalog import Catalog, Index, Table
from sandbox.column_families import primary_key
from sandbox.columns import real_columns
from sandbox.expressions import Condition, Filter, Update
from sandbox.ordering import canonical, sort_value
from sandbox.rows import ItemJson, Row


class ConditionFailedError(Exception):
    """The condition of a write does not hold. `item` is the item as it is, None where there is none."""

    def __init__(self, item: ItemJson | None) -> None:
        super().__init__("The conditional request failed")
        self.item = item


class ShownTableError(Exception):
    """The table shows recorded files, whose items nobody here can read."""

    def __init__(self) -> None:
        super().__init__("this table shows recorded files")


@dataclass(slots=True)
class StoredRow:
    """A row with what is asked of it again and again.

    Attributes:
        row: all that was written under its key.
        item: what clients see of it, None for nothing.
        position: its place among the table's keys.
        size_bytes: of the item, about as pages count it.
    """

    row: Row
    item: ItemJson | None
    position: tuple[Any, ...]
    size_bytes: int


@dataclass(slots=True)
class _TableItems:
    stored: dict[str, StoredRow] = field(default_factory=dict)
    unflushed: dict[str, Row] = field(default_factory=dict)
    # What a view still shows of an item that it is behind with: index name -> key -> the row, None for nothing.
    behind: dict[str, dict[str, StoredRow | None]] = field(default_factory=dict)
    shown: bool = False


class Items:
    """The items of one node's tables. All validation stands in front: keys here have the right types.

    Views follow writes at once; they are behind with items that were loaded, or that were there before them, until
    somebody lets them catch up.

    Args:
        catalog: the node's state, whose lock guards this too.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = catalog.lock
        self._tables: dict[str, _TableItems] = {}
        self._last_write_at = 0

    def create(self, table: Table) -> None:
        """Make room for a new table's items."""
        with self._lock:
            self._tables[table.name] = _TableItems()

    def drop(self, table: Table) -> None:
        """Forget a table's items."""
        with self._lock:
            del self._tables[table.name]

    def put(self, table: Table, item: ItemJson, condition: Condition | None = None) -> ItemJson | None:
        """Write an item over what was under its key.

        Returns:
            The item that was there.

        Raises:
            ConditionFailedError: nothing is written.
            MalformedExpressionError: the condition can't be parsed.
            ShownTableError: the table shows recorded files.
        """
        with self._lock:
            previous = self._checked(table, item, condition)
            self._write(table, rows.put(key_of(table, item), item, self._write_time(), self._columns(table)))
            return previous

    def delete(self, table: Table, key: ItemJson, condition: Condition | None = None) -> ItemJson | None:
        """Delete the item with that key, if there is one, and return it. Raises as `put` does."""
        with self._lock:
            previous = self._checked(table, key, condition)
            self._write(table, rows.deletion(key_of(table, key), self._write_time()))
            return previous

    def update(
        self,
        table: Table,
        key: ItemJson,
        change: Update,
        condition: Condition | None = None,
        validate: Callable[[ItemJson], None] = lambda _: None,
    ) -> tuple[ItemJson | None, ItemJson | None]:
        """Change attributes of the item with that key, or make it; `validate` may refuse what comes of it.

        Returns:
            The item that was there, and the one that is there now. Raises as `put` does.
        """
        with self._lock:
            previous = self._checked(table, key, condition)
            after = expressions.updated(table, key, previous, change)
            validate(after)
            before = previous or {}
            changed = {
                name: after.get(name)
                for name in (before.keys() | after.keys()) - key.keys()
                if after.get(name) != before.get(name)
            }
            # Removing attributes makes no item where there is none.
            if changed or previous is not None or not change.expression:
                row = rows.update(key_of(table, key), changed, self._write_time(), self._columns(table))
                self._write(table, row)
            return previous, self.get(table, key)

    def get(self, table: Table, key: ItemJson) -> ItemJson | None:
        """The item with that key; `key` may hold more attributes."""
        with self._lock:
            stored = self._of(table).stored.get(key_text(key_of(table, key)))
            return None if stored is None else stored.item

    def load(self, table: Table, loaded: Iterable[Row]) -> list[ItemJson]:
        """Take over rows that are on disk already: the newer write wins, and the views are behind with them.

        Returns:
            The keys of the rows.
        """
        with self._lock:
            keys = []
            for row in loaded:
                self._fall_behind(table, row.key, [index.name for index in table.indexes])
                self._merge(table, row)
                keys.append(row.key)
            return keys

    def index_created(self, table: Table, index: Index) -> list[ItemJson]:
        """A new view is behind with all items that are there; their keys are returned."""
        with self._lock:
            items = self._of(table)
            items.behind[index.name] = dict.fromkeys(items.stored)
            return [stored.row.key for stored in items.stored.values()]

    def index_dropped(self, table: Table, index: Index) -> None:
        """Forget what a dropped view was behind with."""
        with self._lock:
            self._of(table).behind.pop(index.name, None)

    def catch_up(self, table: Table, names: Iterable[str], keys: Iterable[ItemJson]) -> None:
        """From now on the views behind these indexes show the items with these keys as they are."""
        texts = [key_text(key) for key in keys]
        with self._lock:
            for name in names:
                for text in texts:
                    self._tables[table.name].behind.get(name, {}).pop(text, None)

    def stored(self, table: Table, index: Index | None = None) -> Iterator[StoredRow]:
        """What a reader of the table, or of the view behind its index, finds: rows with an item, in no order.

        Raises:
            ShownTableError: the table shows recorded files.
        """
        items = self._of(table)
        behind = {} if index is None else items.behind.get(index.name, {})
        for text, current in items.stored.items():
            stored = behind.get(text, current)
            if stored is not None and stored.item is not None and self._in_view(table, index, stored):
                yield stored

    def unflushed_count(self, table: Table) -> int:
        """How many rows wait for the next flush."""
        with self._lock:
            return len(self._tables[table.name].unflushed)

    def take_unflushed(self, table: Table) -> list[Row]:
        """What was written since the last call, merged by key, in the order of their keys."""
        with self._lock:
            items = self._tables[table.name]
            taken, items.unflushed = items.unflushed, {}
            return [row for _, row in sorted(taken.items())]

    def mark_shown(self, table: Table) -> None:
        """From now on the table shows recorded files: reading and writing its items is an error."""
        with self._lock:
            self._tables[table.name].shown = True

    def _of(self, table: Table) -> _TableItems:
        items = self._tables[table.name]
        if items.shown:
            raise ShownTableError
        return items

    def _checked(self, table: Table, key: ItemJson, condition: Condition | None) -> ItemJson | None:
        previous = self.get(table, key)
        if not Filter(condition).holds(table, previous):
            raise ConditionFailedError(previous)
        return previous

    def _write(self, table: Table, row: Row) -> None:
        items, text = self._of(table), key_text(row.key)
        earlier = items.unflushed.get(text)
        items.unflushed[text] = row if earlier is None else earlier.merged(row)
        self._merge(table, row)
        for behind in items.behind.values():
            behind.pop(text, None)

    def _merge(self, table: Table, row: Row) -> None:
        items, text = self._of(table), key_text(row.key)
        earlier = items.stored.get(text)
        merged = row if earlier is None else earlier.row.merged(row)
        item = merged.item()
        position = key_position(table, row.key) if earlier is None else earlier.position
        size_bytes = 0 if item is None else len(json.dumps(item))
        items.stored[text] = StoredRow(merged, item, position, size_bytes)

    def _fall_behind(self, table: Table, key: ItemJson, names: Iterable[str]) -> None:
        items, text = self._of(table), key_text(key)
        for name in names:
            items.behind.setdefault(name, {}).setdefault(text, items.stored.get(text))

    def _in_view(self, table: Table, index: Index | None, stored: StoredRow) -> bool:
        if index is None:
            return True
        base, columns, item = primary_key(table), self._columns(table), stored.item or {}
        for key in (index.hash_key, index.range_key):
            if key is None or key in base:
                continue
            if key.type not in item.get(key.name, ()):
                return False
            # A view of a real column doesn't look into the map of all attributes, nor the other way round.
            if stored.row.cells[key.name].in_column != (key.name in columns):
                return False
        return True

    def _columns(self, table: Table) -> dict[str, str]:
        return real_columns(table, self._catalog.version)

    def _write_time(self) -> int:
        # Two apart, for the deletion that a put brings along.
        self._last_write_at = max(self._last_write_at + 2, time.time_ns() // 1000)
        return self._last_write_at


def key_of(table: Table, item: ItemJson) -> ItemJson:
    """The key of an item of a table."""
    return {key.name: item[key.name] for key in primary_key(table)}


def key_text(key: ItemJson) -> str:
    """A key as something that can be looked up: 1 and 1.0 are one key."""
    return json.dumps({name: canonical(value) for name, value in key.items()}, sort_keys=True)


def key_position(table: Table, key: ItemJson) -> tuple[Any, ...]:
    """A key's place among the keys of its table."""
    return tuple(sort_value(key[part.name]) for part in primary_key(table))
