"""One column family on disk: its directory, its live SSTables, and the rows that wait for a flush."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from sandbox.column_families import ColumnFamily, Item, primary_key
from sandbox.snapshots import link_snapshot, remove_unless_snapshots
from sandbox.sstables import SSTable, adopt_sstables, write_sstable
from sandbox.tokens import tablet_of, token


class ColumnFamilyStore:
    """A column family's files, and its memtable.

    Args:
        family: what it is for.
        directory: its directory, made with all that belongs into it.
    """

    def __init__(self, family: ColumnFamily, directory: Path) -> None:
        self.family = family
        self.directory = directory
        self.sstables: list[SSTable] = []
        self._memtable: dict[str, Item] = {}
        for below in ("upload", "staging"):
            (directory / below).mkdir(parents=True)

    def write(self, items: Iterable[Item]) -> None:
        """Take over what the column family holds of written items of its table."""
        for item in items:
            row = self.family.row(item)
            if row is not None:
                key = [item[part.name] for part in primary_key(self.family.table)]
                self._memtable[json.dumps(key, sort_keys=True)] = row

    def flush(self) -> None:
        """Write the rows into an SSTable, or with tablets into one for each tablet that has some."""
        groups: dict[int, list[tuple[int, Item]]] = {}
        for row in self._memtable.values():
            row_token = token(row[self.family.hash_key.name])
            tablet = tablet_of(row_token) if self.family.table.tablets else 0
            groups.setdefault(tablet, []).append((row_token, row))
        for _, rows in sorted(groups.items()):
            self.sstables.append(write_sstable(self.directory, rows))
        self._memtable.clear()

    def link_snapshot(self, tag: str, schema: str, manifest: str) -> None:
        """Make a snapshot of the SSTables, as they are on disk now.

        Raises:
            ValueError: the tag can't be a directory's name.
            OSError: a file can't be linked or written.
        """
        link_snapshot(self.directory, tag, self.sstables, schema, manifest)

    def adopt(self, source: Path) -> None:
        """Copy the SSTables of a directory into the live ones, whatever they hold."""
        found = adopt_sstables(source)
        for sstable in found:
            for path in sstable.files(source):
                copy = self.directory / path.name
                shutil.copyfile(path, copy)
                copy.chmod(0o644)
        self.sstables += found

    def size_bytes(self) -> int:
        """Size of the live SSTables on disk."""
        files = [path for sstable in self.sstables for path in sstable.files(self.directory)]
        return sum(path.stat().st_size for path in files)

    def remove(self) -> None:
        """Remove all but the snapshots, as a dropped table does."""
        remove_unless_snapshots(self.directory)
