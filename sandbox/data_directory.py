"""The node's data directory: a directory for each column family, flushed into SSTables, with snapshots of them."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sandbox import ddl, snapshots
from sandbox.catalog import Catalog, Index, Table
from sandbox.column_families import ColumnFamily, Item, column_families, find_column_family, view
from sandbox.column_family_store import ColumnFamilyStore
from sandbox.items import Items, ScanRequest
from sandbox.snapshot_manifest import manifest


class DataDirectory:
    """Everything of a node that is on disk.

    Tests that want a damaged disk change the files themselves: `directory` and `snapshot_directory` say where they
    are; whatever is on disk then is what snapshots hold.

    Args:
        root: the data directory, made if missing.
        catalog: the node's tables, whose lock guards this too.
        items: their items, taken over when they are flushed.
        auto_snapshot: dropped tables leave a snapshot.
    """

    def __init__(self, root: Path, catalog: Catalog, items: Items, *, auto_snapshot: bool) -> None:
        self.root = root
        self.auto_snapshot = auto_snapshot
        self._catalog = catalog
        self._items = items
        self._stores: dict[str, ColumnFamilyStore] = {}
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
        """Make the directory of a new index of an existing table, and fill its view from the table's items."""
        with self._catalog.lock:
            self._create(view(table, index)).write(self._indexed_items(table, index))

    def index_dropped(self, table: Table, index: Index) -> None:
        """Remove an index's files; like a table it leaves a snapshot. To be called while the table still has it."""
        with self._catalog.lock:
            self._drop(view(table, index))

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

    def upload_names(self, family: ColumnFamily) -> list[str]:
        """Names of what was put into a column family's `upload/`."""
        return sorted(path.name for path in (self.directory(family) / "upload").iterdir())

    def _create(self, family: ColumnFamily) -> ColumnFamilyStore:
        store = self._stores[family.directory_name] = ColumnFamilyStore(family, self.directory(family))
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
        """Hand the table's new items out to its column families: each is flushed at a time of its own."""
        items = self._items.take_unflushed(table)
        for family in column_families(table):
            # While a table is dropped, its views are gone first.
            if family.directory_name in self._stores:
                self._stores[family.directory_name].write(items)

    def _indexed_items(self, table: Table, index: Index) -> Iterator[Item]:
        page = self._items.scan(table, ScanRequest(index=index))
        yield from page.items
        while page.last_key is not None:
            page = self._items.scan(table, ScanRequest(index=index, start=page.last_key))
            yield from page.items

    def _exists(self, keyspace: str, directory_name: str) -> bool:
        family = find_column_family(self._catalog, keyspace, directory_name.rpartition("-")[0])
        return family is not None and family.directory_name == directory_name
