"""A node of a few small SSTables, whose snapshots are hard links as ScyllaDB makes them; backed up without a server."""

import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.encryption import parse_recipients
from backup_core.model import Snapshot, SourceFile, SSTable, Table, TableSchema, VerifiedTable
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.repository import IncrementalRepository
from backup_core.repository.listing import BackupListing
from backup_core.repository.storage.protocol import Storage
from tests.repository_backups import NODE, PLACEMENT, RecordingReporter, description


TOC = b"Data.db\nDigest.crc32\nStatistics.db\nTOC.txt\n"


@dataclass(frozen=True, slots=True)
class TestContext:
    """What storing needs of a run."""

    __test__ = False

    clock: Clock
    reporter: RecordingReporter = field(default_factory=RecordingReporter)
    cancel: CancelToken = field(default_factory=CancelToken)


class Unhurried:
    """Hears how far storing has come, and doesn't mind."""

    def __call__(self, done_bytes: int) -> None:
        """Nothing."""

    def skip(self, size_bytes: int) -> None:
        """Nothing."""


class SmallNode:
    """Tables with files, in a directory as ScyllaDB lays it out; what is written has a time that isn't left to chance.

    Args:
        directory: of the data; a directory for snapshots is made beside the files of each table.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writes = count(1)

    def write(self, table: Table, generation: str, rows: bytes, *, statistics: bytes = b"statistics") -> None:
        """Write an SSTable, or write it anew under the same name."""
        self._of(table).mkdir(parents=True, exist_ok=True)
        for name, content in {
            "Data.db": rows,
            "Digest.crc32": str(zlib.crc32(rows)).encode(),
            "Statistics.db": statistics,
            "TOC.txt": TOC,
        }.items():
            path = self._of(table) / f"me-{generation}-big-{name}"
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            os.utime(path, (0, next(self._writes)))

    def write_statistics(self, table: Table, generation: str, statistics: bytes) -> None:
        """Write an SSTable's Statistics.db anew, as the server does where its level changes."""
        path = self._of(table) / f"me-{generation}-big-Statistics.db"
        path.unlink()
        path.write_bytes(statistics)
        os.utime(path, (0, next(self._writes)))

    def link(self, table: Table, generation: str, other: str) -> None:
        """Give an SSTable's files the names of another generation besides."""
        for path in self._of(table).glob(f"me-{generation}-big-*"):
            path.with_name(path.name.replace(f"-{generation}-", f"-{other}-")).hardlink_to(path)

    def compact(self, table: Table, generation: str) -> None:
        """Remove an SSTable."""
        for path in self._of(table).glob(f"me-{generation}-big-*"):
            path.unlink()

    def files(self, table: Table) -> dict[str, bytes]:
        """What a backup of the table should give back, without the snapshot's own files."""
        return {path.name: path.read_bytes() for path in self._of(table).glob("me-*")}

    def snapshot(self, table: Table, tag: str, taken_at: datetime) -> VerifiedTable:
        """Take a snapshot, and find it complete."""
        directory = self._of(table) / "snapshots" / tag
        directory.mkdir(parents=True)
        for path in sorted(self._of(table).glob("me-*")):
            os.link(path, directory / path.name)
        names = sorted(path.name for path in directory.iterdir())
        for name, text in {"manifest.json": "{}", "schema.cql": "CREATE TABLE ...;"}.items():
            (directory / name).write_text(text)
            os.utime(directory / name, (0, taken_at.timestamp()))
        prefixes = sorted({name.rsplit("-", 1)[0] for name in names})
        snapshot = Snapshot(
            table=table,
            tag=tag,
            directory=directory,
            sstables=tuple(
                SSTable(prefix, tuple(_file(directory / name) for name in names if name.startswith(f"{prefix}-")))
                for prefix in prefixes
            ),
            metadata=(_file(directory / "manifest.json"), _file(directory / "schema.cql")),
            started_at=taken_at,
            finished_at=taken_at,
        )
        schema = TableSchema(table, "CREATE TABLE ...;", (), description(table))
        return VerifiedTable(schema, PLACEMENT, snapshot, taken_at, NODE, taken_at)

    def _of(self, table: Table) -> Path:
        return self._directory / table.keyspace / table.directory_name


def back_up(
    repository: IncrementalRepository, node: SmallNode, table: Table, tag: str, context: TestContext
) -> BackupListing:
    """Back a table up as of now."""
    repository.store(context, node.snapshot(table, tag, context.clock.now()), Unhurried())
    return repository.find(table.name, tag)


def restored(repository: IncrementalRepository, listing: BackupListing) -> Mapping[str, bytes]:
    """The files of the SSTables that a backup gives back, checked as a restore would."""
    manifest = repository.manifest(listing)
    found: dict[str, bytes] = {}
    for stored in manifest.objects:
        with repository.read(listing, stored) as blocks:
            content = b"".join(blocks)
        if stored.role == "data":
            found[next(file.name for file in manifest.files if file.object == stored.name)] = content
        else:
            found |= _members(content)
    assert all(len(found[file.name]) == file.size_bytes for file in manifest.files)
    return {name: content for name, content in found.items() if name.startswith("me-")}


def _members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]  # all are files


def _file(path: Path) -> SourceFile:
    content = path.read_bytes()
    return SourceFile(path.name, len(content), zlib.crc32(content) if path.name.endswith("-Data.db") else None)


def incremental_repository(
    storage: Storage, state: Path, clock: Clock, *, reporter: RecordingReporter | None = None
) -> IncrementalRepository:
    """A repository over a storage, not opened yet."""
    return IncrementalRepository(
        "offsite",
        storage,
        state=state,
        encoding=Encoding(compress=True, recipients=parse_recipients(())),
        reporter=reporter or RecordingReporter(),
        clock=clock,
        parallel=1,  # what was sent when a run dies isn't left to chance
    )
