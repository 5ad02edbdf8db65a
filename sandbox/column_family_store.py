"""One column family on disk: its directory, its live SSTables, and the rows that wait for a flush."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from sandbox.column_families import ColumnFamily
from sandbox.columns import written_schema
from sandbox.items import key_text
from sandbox.rows import ItemJson, Row
from sandbox.snapshots import link_snapshot, remove_unless_snapshots
from sandbox.sstables import SSTable, adopt_sstables, write_sstable
from sandbox.tokens import tablet_of, token
from sandbox.version import ServerVersion


UPLOAD = "upload"
STAGING = "staging"


class ColumnFamilyStore:
    """A column family's files, and its memtable.

    Args:
        family: what it is for.
        directory: its directory, made with all that belongs into it.
        version: of the server.

    Attributes:
        sstables: the live SSTables.
        staged: prefixes of those that are still in `staging/`.
    """

    def __init__(self, family: ColumnFamily, directory: Path, version: ServerVersion) -> None:
        self.family = family
        self.directory = directory
        self.sstables: list[SSTable] = []
        self.staged: set[str] = set()
        self._version = version
        self._memtable: dict[str, Row] = {}
        for below in (UPLOAD, STAGING):
            (directory / below).mkdir(parents=True)

    def write(self, rows: Iterable[Row]) -> None:
        """Take over rows, which wait for the next flush."""
        for row in rows:
            text = key_text(row.key)
            earlier = self._memtable.get(text)
            self._memtable[text] = row if earlier is None else earlier.merged(row)

    def flush(self) -> None:
        """Write the rows that wait into SSTables."""
        self.sstables += [sstable for sstable, _ in self._write_sstables(self.directory, self._memtable.values())]
        self._memtable.clear()

    def add(self, rows: Iterable[Row], *, staged: bool) -> list[tuple[SSTable, list[ItemJson]]]:
        """Write rows into SSTables of their own, in `staging/` if the views still have to see them.

        Returns:
            The SSTables, each with the keys of its rows.
        """
        added = self._write_sstables(self.directory / STAGING if staged else self.directory, rows)
        self.staged.update({sstable.prefix for sstable, _ in added} if staged else ())
        self.sstables += [sstable for sstable, _ in added]
        return added

    def leave_staging(self, sstable: SSTable) -> None:
        """Move an SSTable from `staging/` to the others."""
        self.staged.discard(sstable.prefix)
        for path in sstable.files(self.directory / STAGING):
            path.rename(self.directory / path.name)

    def _write_sstables(self, directory: Path, rows: Iterable[Row]) -> list[tuple[SSTable, list[ItemJson]]]:
        """One SSTable, or with tablets one for each tablet that has some of the rows."""
        groups: dict[int, list[tuple[int, Row]]] = {}
        for row in rows:
            row_token = token(row.key[self.family.hash_key.name])
            tablet = tablet_of(row_token) if self.family.table.tablets else 0
            groups.setdefault(tablet, []).append((row_token, row))
        schema = written_schema(self.family, self._version)
        return [
            (write_sstable(directory, schema, group), [row.key for _, row in group])
            for _, group in sorted(groups.items())
        ]

    def link_snapshot(self, tag: str, schema: str, manifest: str) -> None:
        """Make a snapshot of the SSTables, as they are on disk now.

        Raises:
            ValueError: the tag can't be a directory's name.
            OSError: a file can't be linked or written.
        """
        files = [path for sstable in self.sstables for path in self._files(sstable)]
        link_snapshot(self.directory, tag, files, schema, manifest)

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
        return sum(path.stat().st_size for sstable in self.sstables for path in self._files(sstable))

    def remove(self) -> None:
        """Remove all but the snapshots, as a dropped table does."""
        remove_unless_snapshots(self.directory)

    def _files(self, sstable: SSTable) -> list[Path]:
        return sstable.files(self.directory / STAGING if sstable.prefix in self.staged else self.directory)
