"""The values that flow through a backup: Table -> TableSchema -> Snapshot -> StoredBackup.

Each step takes what the former gave and returns its own; none of them changes or reaches back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


KEYSPACE_PREFIX = "alternator_"
"""Alternator keeps each table in a keyspace of its own: this and the table's name, verbatim (alternator/executor)."""

TABLE_NAME_MAX_LENGTH = 222
"""Of Alternator's tables, in any version (alternator/executor.cc)."""

DEFAULT_DATA_DIRECTORY = Path("/var/lib/scylla/data")
"""Where ScyllaDB's packages put a node's data."""

SCRATCH_PREFIX = "abdrill_"
"""Our own tables, which restores make and drop again, have names that begin like this: nobody backs them up."""


def keyspace_of(table_name: str) -> str:
    """Keyspace of an Alternator table."""
    return KEYSPACE_PREFIX + table_name


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """An Alternator table as the node knows it.

    Attributes:
        name: as Alternator gives it, case-sensitive, 3 to 222 of `a-zA-Z0-9_.-`.
        id: 32 hex digits without dashes; a table that is dropped and created again has another one.
    """

    name: str
    id: str

    @property
    def keyspace(self) -> str:
        """The table's keyspace."""
        return keyspace_of(self.name)

    @property
    def directory_name(self) -> str:
        """Name of the table's directory inside its keyspace's directory."""
        return f"{self.name}-{self.id}"


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table's schema, in both forms.

    Attributes:
        ddl: CREATE TABLE of the table, for people.
        views: CREATE MATERIALIZED VIEW of each index, for people: Alternator's views can't be made by CQL.
        description: what a restore uses, and what `alternator_schema.json` holds: the answers of DescribeTable,
            ListTagsOfResource and DescribeTimeToLive, the columns, the replication and the grants.
    """

    table: Table
    ddl: str
    views: tuple[str, ...]
    description: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a snapshot.

    Attributes:
        crc32: what `Digest.crc32` says the file's CRC-32 is, for `Data.db`; None for every other file.
    """

    name: str
    size_bytes: int
    crc32: int | None = None


@dataclass(frozen=True, slots=True)
class SSTable:
    """One SSTable: the component files that its TOC.txt names.

    Attributes:
        prefix: what all its files' names start with: `<version>-<generation>-<format>`.
    """

    prefix: str
    components: tuple[SourceFile, ...]

    @property
    def size_bytes(self) -> int:
        """Size of all its components."""
        return sum(component.size_bytes for component in self.components)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of one table on this node, taken and found complete.

    Attributes:
        tag: its name, Unix time in digits; the times that count are those below.
        directory: where its files are.
        sstables: in the order of their names.
        metadata: manifest.json and schema.cql.
        started_at, finished_at: when it was asked for and when it was there.
    """

    table: Table
    tag: str
    directory: Path
    sstables: tuple[SSTable, ...]
    metadata: tuple[SourceFile, ...]
    started_at: datetime
    finished_at: datetime

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Every file that belongs into a backup."""
        return (*self.metadata, *(c for sstable in self.sstables for c in sstable.components))

    @property
    def size_bytes(self) -> int:
        """Size of all files."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class TokenRange:
    """A range of the ring, start excluded, end included, and the addresses of the nodes that hold it."""

    start: str
    end: str
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the node says of itself at the time of a run. None is unknown, never "no".

    Attributes:
        peers_up, peers_down: addresses, this node's own among them.
    """

    host_id: str
    scylla_version: str | None = None
    cluster: str | None = None
    datacenter: str | None = None
    rack: str | None = None
    addresses: tuple[str, ...] = ()
    peers_up: tuple[str, ...] | None = None
    peers_down: tuple[str, ...] | None = None
    schema_version: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a table's data lies on the ring. None is unknown.

    Attributes:
        tablets: whether the keyspace is on tablets rather than vnodes.
        ranges: all ranges of the ring with their replicas.
    """

    replication: Mapping[str, str] | None = None
    tablets: bool | None = None
    ranges: tuple[TokenRange, ...] | None = None


@dataclass(frozen=True, slots=True)
class VerifiedTable:
    """A table that is ready to be stored.

    Attributes:
        snapshot: as `verify_snapshot` returned it, at `verified_at`.
        node: who made it, in the run that started at `run_started_at`.
    """

    schema: TableSchema
    placement: Placement
    snapshot: Snapshot
    verified_at: datetime
    node: NodeFacts
    run_started_at: datetime


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a snapshot as it went into an archive: what a restore will check it against."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredArchive:
    """An archive as it was written.

    Attributes:
        size_bytes, sha256: of the compressed file.
        plain_size_bytes, plain_sha256: of the tar stream in it.
        files: what is in it.
    """

    name: str
    size_bytes: int
    sha256: str
    plain_size_bytes: int
    plain_sha256: str
    files: tuple[StoredFile, ...]


@dataclass(frozen=True, slots=True)
class StoredBackup:
    """A published backup of one table in one repository.

    Attributes:
        location: where it is: a directory, or s3://...
        size_bytes: everything that was stored.
        plain_size_bytes: the snapshot's files before compression.
        archive: name of its archive; empty where it has none.
    """

    repository: str
    table: Table
    tag: str
    location: str
    size_bytes: int
    plain_size_bytes: int
    snapshot_at: datetime
    archive: str = ""

    @property
    def path(self) -> str:
        """What people look for: the archive, or else where the backup is."""
        return f"{self.location}/{self.archive}" if self.archive else self.location


@dataclass(frozen=True, slots=True)
class TableBackup:
    """A table that has succeeded: every repository has published it."""

    table: Table
    tag: str
    stored: tuple[StoredBackup, ...]


@dataclass(frozen=True, slots=True)
class TableFailure:
    """A table that has failed, with the error that ended it and what some repositories may have published."""

    table_name: str
    error: Exception
    stored: tuple[StoredBackup, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of a run over one or many tables."""

    tag: str
    succeeded: tuple[TableBackup, ...]
    failed: tuple[TableFailure, ...]
