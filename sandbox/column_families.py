"""What a table consists of on disk: the table itself, its views, its CDC log, its LWT state table.

Each is a column family with a name, an id and a directory of its own, in the table's keyspace.
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from sandbox import rows
from sandbox.catalog import Catalog, Index, Key, Table
from sandbox.rows import ItemJson, Row


@dataclass(frozen=True, slots=True)
class ColumnFamily:
    """One column family of a table.

    Attributes:
        table: the Alternator table that it belongs to.
        name: the table's own name, `table:gsi`, `table!:lsi`, `table_scylla_cdc_log` or `table$paxos`.
        id: its own id, not the table's (but for the table itself).
        kind: what it is.
        index: the index behind a view, None for the others.
    """

    table: Table
    name: str
    id: uuid.UUID
    kind: Literal["table", "view", "log", "paxos"]
    index: Index | None = None

    @property
    def keyspace(self) -> str:
        """The table's keyspace: all its column families are in it."""
        return self.table.keyspace

    @property
    def directory_name(self) -> str:
        """Name of its directory below the keyspace's: nothing in it is encoded."""
        return f"{self.name}-{self.id.hex}"

    @property
    def hash_key(self) -> Key:
        """Its partition key."""
        return self.table.hash_key if self.index is None else self.index.hash_key

    def content(self, item: ItemJson) -> ItemJson | None:
        """What it holds of an item of the table, None if nothing.

        A view has only items with all keys of its index, each of the declared type; the log has nothing while the
        stream is off.
        """
        match self.kind:
            case "view":
                return item if all(key.type in item.get(key.name, ()) for key in self._index_keys()) else None
            case "log":
                return item if self.table.stream is not None and self.table.stream.enabled else None
            case "paxos":
                return {key.name: item[key.name] for key in primary_key(self.table)}
            case _:
                return item

    def _index_keys(self) -> list[Key]:
        keys = (self.index.hash_key, self.index.range_key) if self.index is not None else ()
        return [key for key in keys if key is not None]


def primary_key(table: Table) -> list[Key]:
    """The table's partition key, and its sort key if it has one."""
    return [key for key in (table.hash_key, table.range_key) if key is not None]


def view_keys(family: ColumnFamily) -> list[Key]:
    """The key of a table or a view, partition key first: a view's ends with the keys of its table."""
    keys = [family.table.hash_key, family.table.range_key]
    if family.index is not None:
        keys = [family.index.hash_key, family.index.range_key, *keys]
    return list(dict.fromkeys(key for key in keys if key is not None))


def family_rows(family: ColumnFamily, items: Iterable[ItemJson]) -> Iterator[Row]:
    """What a column family beside the table itself holds of items of the table, as rows written now."""
    index = family.index
    keys = {
        key.name for key in (*primary_key(family.table), index and index.hash_key, index and index.range_key) if key
    }
    for item in items:
        content = family.content(item)
        if content is not None:
            key = {name: value for name, value in content.items() if name in keys}
            yield rows.put(key, content, time.time_ns() // 1000)


def column_families(table: Table) -> list[ColumnFamily]:
    """All column families of a table, the table itself first."""
    families = [ColumnFamily(table, table.name, table.id, "table")]
    families += [view(table, index) for index in table.indexes]
    if table.stream is not None:
        families.append(ColumnFamily(table, f"{table.name}_scylla_cdc_log", table.stream.log_id, "log"))
    if table.paxos_id is not None:
        families.append(ColumnFamily(table, f"{table.name}$paxos", table.paxos_id, "paxos"))
    return families


def view(table: Table, index: Index) -> ColumnFamily:
    """The materialized view behind an index."""
    return ColumnFamily(table, table.view_name(index), index.id, "view", index)


def all_column_families(catalog: Catalog) -> Iterator[ColumnFamily]:
    """The column families of all Alternator tables, in nobody's order."""
    for table in catalog.unordered_tables():
        yield from column_families(table)


def find_column_family(catalog: Catalog, keyspace: str, name: str) -> ColumnFamily | None:
    """The column family of that name in that keyspace, None if there is none."""
    table = find_keyspace(catalog, keyspace)
    if table is None:
        return None
    return next((family for family in column_families(table) if family.name == name), None)


def find_keyspace(catalog: Catalog, keyspace: str) -> Table | None:
    """The table that a keyspace belongs to, None if the keyspace isn't one of Alternator's."""
    return next((table for table in catalog.tables.values() if table.keyspace == keyspace), None)
