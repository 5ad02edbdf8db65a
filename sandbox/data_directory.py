"""The node's data directory: a directory for each column family, flushed into SSTables, with snapshots of them."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from sandbox import ddl, snapshots
from sandbox.catalog import Catalog, Index, Table
from sandbox.column_families import ColumnFamily, column_families, family_rows, find_column_family, view
from sandbox.column_family_store import UPLOAD, ColumnFamilyStore
from sandbox.items import Items
from sandbox.rows import ItemJson, Row
from sandbox.snapshot_manifest import manifest
from sandbox.sstables import SSTable
from sandbox.view_updates import ViewUpdates


class DataDirectory:
    """Everything of a node that is on disk.

    Tests that want a damaged disk change the files themselves: `directory` and `snapshot_directory` say where they
    are; whatever is on disk then is what snapshots hold.

    Args:
        root: the data directory, made if missing.
        catalog: the node's tables, whose lock guards this too.
        items: their items, taken over when they are flushed.
        views: what fills the views of indexes.
        auto_snapshot: dropped tables leave a snapshot.
        user_id: the user and group that the node plays, None for this process's.

    Attributes:
        dropping: keyspaces in which drops are under way, for tests to say: to clear a snapshot there ends the node.
    """

    def __init__(
        self,
        root: Path,
        catalog: Catalog,
        items: Items,
        views: ViewUpdates,
        *,
        auto_snapshot: bool,
        user_id: int | None,
    ) -> None:
        self.root = root
        self.auto_snapshot = auto_snapshot
        self.user_id = os.geteuid() if user_id is None else user_id
        self._catalog = catalog
        self._items = items
        self._views = views
        self._stores: dict[str, ColumnFamilyStore] = {}
        self.dropping: set[str] = set()
        root.mkdir(parents=True, exist_ok=True)

    def directory(self, family: ColumnFamily) -> Path:
        """Where a column family's live files are."""
        return self.root / family.keyspace / family.directory_name

    def snapshot_directory(self, family: ColumnFamily, tag: str) -> Path:
        """Where a column family's snapshot of that tag is, or would be.

        Raises:
            ValueError: the tag can't be a directory's name.
        """
        return snapshots.snapshot_path(self.directory(family), tag)

    def table_created(self, table: Table) -> None:
        """Make the directories of a new table and of its views, and of its log if it has a stream."""
        with self._catalog.lock:
            for family in column_families(table):
                self._create(family)

    def index_created(self, table: Table, index: Index) -> None:
        """Make the directory of a new index of an existing table, and start to fill its view from the table's items."""
        with self._catalog.lock:
            self._create(view(table, index))
            self._views.build(table, index, self._items.index_created(table, index), self._write_to_views)

    def index_dropped(self, table: Table, index: Index) -> None:
        """Remove an index's files; like a table it leaves a snapshot. To be called while the table still has it."""
        with self._catalog.lock:
            self._drop(view(table, index))
            self._items.index_dropped(table, index)

    def stream_enabled(self, table: Table) -> None:
        """Make the directory of the CDC log of an existing table."""
        self._create_of_kind(table, "log")

    def paxos_created(self, table: Table) -> None:
        """Make the directory of a table's LWT state table."""
        self._create_of_kind(table, "paxos")

    def table_dropped(self, table: Table) -> None:
        """Remove a table's files; with `auto_snapshot`, each column family leaves a snapshot `pre-drop-<ms>`.

        To be called while the catalog and the items still know the table.
        """
        with self._catalog.lock:
            # Views first, as the server does it: their snapshots need their table's schema.
            for family in sorted(column_families(table), key=lambda family: family.kind != "view"):
                self._drop(family)

    def flush(self, family: ColumnFamily) -> None:
        """Write what is new in a column family into SSTables."""
        with self._catalog.lock:
            self._collect(family.table)
            self._stores[family.directory_name].flush()

    def snapshot(self, tag: str, families: Sequence[ColumnFamily], *, skip_flush: bool = False) -> None:
        """Take a snapshot of column families.

        Raises:
            ValueError: the tag can't be a directory's name.
            OSError: a file can't be linked or written.
        """
        with self._catalog.lock:
            for family in families:
                if not skip_flush:
                    self.flush(family)
                store = self._stores[family.directory_name]
                text = manifest(self._catalog, family, tag, store.sstables)
                store.link_snapshot(tag, ddl.create(family, self._catalog.version), text)

    def list_snapshots(self) -> list[snapshots.SnapshotDetails]:
        """The snapshots on disk that the server lists."""
        with self._catalog.lock:
            return list(snapshots.list_snapshots(self.root))

    def delete_snapshots(self, tag: str = "", keyspaces: Sequence[str] = (), name: str = "") -> None:
        """Remove snapshots: of all tags, keyspaces or column families where none is given.

        `name` is of a column family, and what is removed is decided by the directories' names alone.
        """
        with self._catalog.lock:
            snapshots.delete_snapshots(self.root, tag, keyspaces, name, self._exists)

    def size_bytes(self, table: Table) -> int:
        """Size of a table's own SSTables on disk."""
        with self._catalog.lock:
            return self._stores[column_families(table)[0].directory_name].size_bytes()

    def show(self, name: str, snapshot_directory: Path) -> None:
        """Make a table show the SSTables of a directory: they become its live files, whatever they hold.

        Its items can't be read any more. Its schema stays as it was made.

        Args:
            name: of an existing table.
            snapshot_directory: a snapshot of a real node, for example; its files are copied.
        """
        with self._catalog.lock:
            table = self._catalog.tables[name]
            self._items.mark_shown(table)
            self._stores[column_families(table)[0].directory_name].adopt(snapshot_directory)

    def upload_directory(self, family: ColumnFamily) -> Path:
        """Where SSTables are put that are to be loaded."""
        return self.directory(family) / UPLOAD

    def load(self, family: ColumnFamily, rows: Iterable[Row]) -> None:
        """Take rows over into a table as SSTables of its own.

        Where the table has indexes, the SSTables stay in `staging/` until the views have caught up with them, one
        after the other. Where the node has lost what it knew of all of them, it takes them for new ones, which are
        still to be built: they never get to see the rows.
        """
        with self._catalog.lock:
            table, store = family.table, self._stores[family.directory_name]
            known = not all(index.is_build_lost for index in table.indexes)
            names = [index.name for index in table.indexes if known]
            loaded = list(rows)
            self._items.load(table, loaded)
            for sstable, keys in store.add(loaded, staged=bool(names)):
                if names:
                    self._views.update(table, names, keys, self._staged_seen(store, sstable))

    def _create(self, family: ColumnFamily) -> ColumnFamilyStore:
        store = self._stores[family.directory_name] = ColumnFamilyStore(
            family, self.directory(family), self._catalog.version
        )
        if self.user_id != os.geteuid():
            for directory in (store.directory, *store.directory.iterdir()):
                os.chown(directory, self.user_id, self.user_id)
        return store

    def _create_of_kind(self, table: Table, kind: str) -> None:
        with self._catalog.lock:
            for family in column_families(table):
                if family.kind == kind and family.directory_name not in self._stores:
                    self._create(family)

    def _drop(self, family: ColumnFamily) -> None:
        if self.auto_snapshot:
            self.snapshot(f"pre-drop-{time.time_ns() // 10**6}", [family])
        self._stores.pop(family.directory_name).remove()

    def _collect(self, table: Table) -> None:
        """Hand the table's new rows out to its column families: each is flushed at a time of its own."""
        taken = self._items.take_unflushed(table)
        store = self._stores.get(column_families(table)[0].directory_name)
        if store is not None:
            store.write(taken)
        self._write_to_others(table, [row.key for row in taken], {"view", "log", "paxos"})

    def _staged_seen(self, store: ColumnFamilyStore, sstable: SSTable) -> Callable[[Table, Sequence[ItemJson]], None]:
        def seen(table: Table, keys: Sequence[ItemJson]) -> None:
            store.leave_staging(sstable)
            self._write_to_views(table, keys)

        return seen

    def _write_to_views(self, table: Table, keys: Sequence[ItemJson]) -> None:
        self._write_to_others(table, keys, {"view"})

    def _write_to_others(self, table: Table, keys: Sequence[ItemJson], kinds: Collection[str]) -> None:
        items = [item for item in (self._items.get(table, key) for key in keys) if item is not None]
        for family in column_families(table):
            # While a table is dropped, its views are gone first.
            store = self._stores.get(family.directory_name)
            if store is not None and family.kind in kinds:
                store.write(family_rows(family, items))

    def _exists(self, keyspace: str, directory_name: str) -> bool:
        family = find_column_family(self._catalog, keyspace, directory_name.rpartition("-")[0])
        return family is not None and family.directory_name == directory_name
