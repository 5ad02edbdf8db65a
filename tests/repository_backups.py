"""Backups for tests of the repository: a small snapshot on disk, and what a run knows of it."""

import json
import zlib
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backup_core.archive import ArchiveFormat, write_archive
from backup_core.cancel import CancelToken
from backup_core.model import (
    NodeFacts,
    Placement,
    Snapshot,
    SourceFile,
    SSTable,
    StoredBackup,
    Table,
    TableSchema,
    TokenRange,
)
from backup_core.repository.archiving import publish_staged, stage
from backup_core.repository.local import LocalRepository
from backup_core.repository.recording import BackupFacts
from backup_core.repository.staging import Staging
from backup_core.repository.summary import Verified


HOST_ID = "6d2a9f0c-3c3c-4f0e-8f57-0f3c1e6a9b11"
TABLE_ID = "220f8fd0aca211f0af61efb5703633f5"
USERS = Table("users", TABLE_ID)
TAG = "1733313018"

NODE = NodeFacts(
    host_id=HOST_ID,
    scylla_version="6.2.3",
    cluster="Test Cluster",
    datacenter="datacenter1",
    rack="rack1",
    addresses=("127.0.0.1",),
    peers_up=("127.0.0.1",),
    peers_down=None,
    schema_version="59adb24e-f3cd-3e02-97f0-5b395827453f",
)
PLACEMENT = Placement(
    replication={"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "datacenter1": "1"},
    tablets=False,
    ranges=(TokenRange("-9187", "42", ("127.0.0.1",)), TokenRange("42", "-9187", ("127.0.0.1",))),
)


class FixedClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Always the same."""
        return datetime(2024, 12, 4, 11, 50, 30, 5, UTC)

    def monotonic(self) -> float:
        """Always the same."""
        return 0.0


class RecordingReporter:
    """Remembers what happened."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, name: str, **fields: Any) -> None:
        """Remembered."""
        self.events.append((name, fields))

    def warning(self, name: str, **fields: Any) -> None:
        """Remembered."""
        self.events.append((name, fields))

    def failure(self, name: str, error: Exception, **fields: Any) -> None:
        """Remembered, with the error."""
        self.events.append((name, fields | {"error": error}))

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """Not remembered."""


def repository(
    path: Path, *, archive_format: ArchiveFormat = ArchiveFormat.TAR_GZ, reporter: RecordingReporter | None = None
) -> LocalRepository:
    """A repository that isn't open yet."""
    return LocalRepository(
        "local", path, archive_format=archive_format, reporter=reporter or RecordingReporter(), clock=FixedClock()
    )


def opened(path: Path, **options: Any) -> LocalRepository:
    """A repository of HOST_ID."""
    made = repository(path, **options)
    made.open(HOST_ID, "Test Cluster")
    return made


def snapshot(data: Path, table: Table = USERS, tag: str = TAG, *, content: bytes = b"rows" * 1000) -> Snapshot:
    """A snapshot of one SSTable, in a data directory as ScyllaDB lays it out."""
    directory = data / table.keyspace / table.directory_name / "snapshots" / tag
    directory.mkdir(parents=True)
    prefix = "me-3g8w_00qf_4pbog2i7h2c7am0uoe-big"
    components = {
        "Data.db": content,
        "Digest.crc32": str(zlib.crc32(content)).encode(),
        "TOC.txt": b"Data.db\nDigest.crc32\nTOC.txt\n",
    }
    metadata = {"manifest.json": json.dumps({"files": [f"{prefix}-Data.db"]}).encode(), "schema.cql": b"CREATE TABLE"}
    sizes = []
    for name, written in ({f"{prefix}-{name}": body for name, body in components.items()} | metadata).items():
        (directory / name).write_bytes(written)
        crc32 = zlib.crc32(written) if name.endswith("-Data.db") else None
        sizes.append(SourceFile(name, len(written), crc32))
    taken_at = datetime.fromtimestamp(int(tag), UTC)
    return Snapshot(
        table=table,
        tag=tag,
        directory=directory,
        sstables=(SSTable(prefix, tuple(sizes[:3])),),
        metadata=tuple(sizes[3:]),
        started_at=taken_at,
        finished_at=taken_at + timedelta(milliseconds=30),
    )


def description(table: Table = USERS, *, gsi: tuple[str, ...] = ("users_by_age",)) -> dict[str, Any]:
    """What `alternator_schema.json` holds, as far as a restore needs it."""
    return {
        "format_version": 1,
        "table": {
            "TableName": table.name,
            "TableArn": f"arn:scylla:alternator:{table.keyspace}:scylla:table/{table.name}",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "age", "AttributeType": "N"},
            ],
            "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": name,
                    "IndexArn": "arn:...",
                    "KeySchema": [{"AttributeName": "age", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
                for name in gsi
            ],
        },
        "tags": [
            {"Key": "team", "Value": "it's core"},
            {"Key": "system:write_isolation", "Value": "always"},
            {"Key": "system:ttl_attribute", "Value": "expires"},
        ],
        "time_to_live": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"},
        "columns": [
            {"table_name": table.name, "column_name": "pk", "kind": "partition_key", "type": "text"},
            {"table_name": table.name, "column_name": ":attrs", "kind": "regular", "type": "map<text, blob>"},
            {"table_name": table.name, "column_name": "age", "kind": "regular", "type": "decimal"},
        ],
        "views": [],
        "keyspace": {"replication": dict(PLACEMENT.replication or {}), "tablets": False},
        "describe": [],
        "grants": None,
    }


def fill(staging: Staging, source: Snapshot, *, views: int = 0) -> BackupFacts:
    """Put the files of a backup where they are published from, as the pipeline does."""
    schema = TableSchema(
        source.table, "CREATE TABLE ...;", ("CREATE MATERIALIZED VIEW ...;",) * views, description(source.table)
    )
    (staging.directory / "table_schema.cql").write_text(schema.ddl)
    (staging.directory / "alternator_schema.json").write_text(json.dumps(schema.description))
    for number, view in enumerate(schema.views, start=1):
        (staging.directory / f"materialized_view_{number}.cql").write_text(view)
    suffix = staging.archive.name.removeprefix(f"{source.table.name}_backup.")
    archive = write_archive(
        source,
        staging.archive,
        archive_format=ArchiveFormat(suffix),
        on_progress=lambda _done_bytes: None,
        cancel=CancelToken(),
    )
    return BackupFacts(
        schema=schema,
        snapshot=source,
        archive=archive,
        node=NODE,
        placement=PLACEMENT,
        nominal_at=source.started_at,
        run_started_at=source.started_at - timedelta(seconds=1),
        verified=Verified(structure=source.finished_at, digest=source.finished_at),
    )


def staged(target: LocalRepository, table: Table, tag: str) -> AbstractContextManager[Staging]:
    """Where the files of a backup are put."""
    return stage(target.path, table, tag, target.archive_format)


def finished(
    target: LocalRepository, staging: Staging, facts: BackupFacts, reporter: RecordingReporter | None = None
) -> StoredBackup:
    """A backup of what was put there."""
    now, heard = FixedClock().now(), reporter or RecordingReporter()
    return publish_staged(target.path, staging, facts, now, repository=target.name, reporter=heard)


def publish(
    target: LocalRepository,
    data: Path,
    table: Table = USERS,
    tag: str = TAG,
    *,
    views: int = 0,
    reporter: RecordingReporter | None = None,
) -> StoredBackup:
    """A backup of a snapshot that is made for it."""
    source = snapshot(data, table, tag)
    with staged(target, table, tag) as staging:
        return finished(target, staging, fill(staging, source, views=views), reporter)


def published(target: LocalRepository, data: Path, table: Table = USERS, tag: str = TAG, *, views: int = 0) -> Path:
    """The same; its directory."""
    return Path(publish(target, data, table, tag, views=views).location)


def names(directory: Path) -> set[str]:
    """Names in a directory."""
    return {path.name for path in directory.iterdir()}
