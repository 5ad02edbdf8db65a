"""`manifest.json`: what a backup is. The whole truth about it; everything else is made from this.

Format version 1. Written strictly; read with patience for fields that a newer release has added to the same version.
"""

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from backup_core.errors import ManifestError
from backup_core.repository import layout
from backup_core.repository.summary import FORMAT_VERSION, Summary, Verified
from backup_core.repository.timestamps import timestamp
from backup_core.storage_errors import storage_errors


def _to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc), PlainSerializer(timestamp, when_used="json")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]
FileName = Annotated[str, Field(pattern=r"^[^/\x00]+$")]

_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)


class _Part(BaseModel):
    model_config = ConfigDict(**_STRICT, frozen=True)


class Tool(_Part):
    """What has written the backup."""

    name: str = Field(description="Name of the program")
    version: str = Field(description="Its version")


class TableName(_Part):
    """The table."""

    name: str = Field(description="As Alternator gives it, case-sensitive")
    keyspace: str = Field(description="The keyspace that holds this one table")
    id: str = Field(pattern=r"^[0-9a-f]{32}$", description="32 hex digits; made anew when a table is created again")


class Node(_Part):
    """The node whose part of the table this is. Null is unknown."""

    host_id: str = Field(description="Host id of the node")
    cluster: str | None = Field(description="Name of its cluster")
    datacenter: str | None = Field(description="Its data centre")
    rack: str | None = Field(description="Its rack")
    addresses: tuple[str, ...] = Field(description="Its own addresses")
    peers_up: tuple[str, ...] | None = Field(description="Addresses that it saw alive, its own among them")
    peers_down: tuple[str, ...] | None = Field(description="Addresses that it saw down")
    schema_version: str | None = Field(description="Version of the cluster's schema")


class Range(_Part):
    """A range of the token ring: start excluded, end included."""

    start: str = Field(description="Token after which it starts")
    end: str = Field(description="Its last token")
    endpoints: tuple[str, ...] = Field(description="Addresses of the nodes that hold it")


class Ring(_Part):
    """Where the table's data lay. Null is unknown."""

    replication: dict[str, str] | None = Field(description="The keyspace's replication, as CQL shows it")
    tablets: bool | None = Field(description="Tablets rather than vnodes")
    ranges: tuple[Range, ...] | None = Field(description="All ranges of the ring with their replicas")


class Times(_Part):
    """When it was made, in UTC."""

    nominal_at: Moment = Field(description="The moment that the schedule names, or the start of a run by hand")
    snapshot_started_at: Moment = Field(description="When the snapshot was asked for")
    snapshot_finished_at: Moment = Field(description="When the snapshot was there")
    run_started_at: Moment = Field(description="When the run began")
    run_finished_at: Moment = Field(description="When the run had stored this table and wrote this manifest")


# A manifest has tens of thousands of these two: a dataclass with slots takes a third of a model's memory.
@dataclass(frozen=True, slots=True, config=_STRICT)
class StoredObject:
    """What is stored: in archive mode a file of the backup, in incremental mode an object that backups share."""

    name: FileName = Field(description="Its name: in the backup's directory, or below sstables/ in incremental mode")
    role: Literal["archive", "schema", "document", "data", "components"] = Field(
        description="archive: all data; schema: what creates the table; document: for people, not needed by a restore; "
        "data: the Data.db of an SSTable; components: a tar of its other files, or of the snapshot's own"
    )
    plain_size_bytes: Size = Field(description="Size before compression; of an archive: of the tar stream")
    plain_sha256: Sha256 = Field(description="SHA-256 before compression")
    stored_size_bytes: Size = Field(description="Size of the file")
    stored_sha256: Sha256 = Field(description="SHA-256 of the file")
    compression: Literal["none", "gzip", "zstd"] = Field(description="How it is compressed")
    encryption: Literal["none", "age"] = Field(default="none", description="How it is encrypted, after compression")
    crc32: Annotated[int, Field(ge=0, lt=1 << 32)] | None = Field(
        default=None, description="CRC-32 of a Data.db, as its Digest.crc32 says; null for everything else"
    )
    read_at: Moment | None = Field(
        default=None, description="When it was read from the node's disk and held against its digest (incremental mode)"
    )
    etag: str | None = Field(default=None, description="What the store called its content; null where it doesn't")


@dataclass(frozen=True, slots=True, config=_STRICT)
class ArchivedFile:
    """A file of the snapshot."""

    name: FileName = Field(description="Its name")
    size_bytes: Size = Field(description="Its size")
    sha256: Sha256 = Field(description="Its SHA-256")
    object: FileName | None = Field(
        default=None, description="Name of the object that holds it; null where there is but one archive"
    )


class SchemaTexts(_Part):
    """What the schema files of archive mode hold."""

    table: str = Field(description="CREATE TABLE, for people")
    views: tuple[str, ...] = Field(description="CREATE MATERIALIZED VIEW of each index, for people")
    description: dict[str, Any] = Field(description="What a restore uses: the content of alternator_schema.json")


class Sent(_Part):
    """What of the backup wasn't stored before."""

    objects: Size = Field(description="How many objects")
    size_bytes: Size = Field(description="Their size as they are stored")


class Verification(_Part):
    """What was verified when the backup was made, and when; null where it wasn't."""

    structure: Moment | None = Field(description="Every SSTable had all the components of its TOC.txt")
    digest: Moment | None = Field(description="Every Data.db had the CRC-32 of its Digest.crc32")
    stored: Moment | None = Field(description="What was read back from the repository equals this manifest")
    restored: Moment | None = Field(description="A drill has restored it")


class Manifest(_Part):
    """A backup of one node's part of one table."""

    format_version: Literal[1] = Field(description="Version of this format")
    tool: Tool
    scylla_version: str | None = Field(description="Version of ScyllaDB on the node; null is unknown")
    table: TableName
    tag: str = Field(description="Name of the backup, and of the snapshot that it was made from: Unix time in digits")
    node: Node
    ring: Ring
    times: Times
    mode: Literal["archive", "incremental"] = Field(
        default="archive", description="archive: files of its own; incremental: objects that backups share"
    )
    objects: tuple[StoredObject, ...] = Field(description="All that is stored but the manifest and what stands beside")
    files: tuple[ArchivedFile, ...] = Field(description="All files of the snapshot")
    verified: Verification
    table_schema: SchemaTexts | None = Field(default=None, description="The schema; null where it is in files")
    encrypted_to: tuple[str, ...] = Field(
        default=(), description="Public age keys whose identities can read the objects; none: they aren't encrypted"
    )
    sent: Sent | None = Field(default=None, description="What this backup had to send; null in archive mode: all of it")

    @property
    def archive(self) -> StoredObject:
        """The object that holds the data."""
        return next(stored for stored in self.objects if stored.role == "archive")

    def to_json(self) -> bytes:
        """The content of its file; in incremental mode compact: it may name a hundred thousand files."""
        if self.mode == "incremental":
            return _MANIFEST.dump_json(self)
        return _MANIFEST.dump_json(self, indent=1) + b"\n"


_MANIFEST = TypeAdapter(Manifest)


def parse_manifest(content: bytes) -> Manifest:
    """The manifest of such a file.

    Raises:
        ManifestError: if it isn't one, or of another format version.
    """
    try:
        manifest = Manifest.model_validate_json(content, extra="ignore")
    except ValidationError as error:
        raise _unreadable(content, error) from error
    return _consistent(manifest)


def _unreadable(content: bytes, error: ValidationError) -> ManifestError:
    try:
        version = json.loads(content)["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = FORMAT_VERSION
    if version != FORMAT_VERSION:
        return ManifestError(
            f"{layout.MANIFEST} has format version {version}; known here is {FORMAT_VERSION}",
            hint="Use the version of alternator-backup that wrote it, or a newer one.",
        )
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(key) for key in first["loc"])
    return ManifestError(f"{layout.MANIFEST} can't be read: {where}{': ' if where else ''}{first['msg']}")


def _consistent(manifest: Manifest) -> Manifest:
    """The manifest, if its objects and its files fit its mode."""
    archives = [stored.role for stored in manifest.objects].count("archive")
    if archives != (manifest.mode == "archive"):
        raise ManifestError(f"{layout.MANIFEST} names {archives or 'no'} archives in {manifest.mode} mode")
    if manifest.mode == "archive":
        return manifest
    if manifest.table_schema is None:
        raise ManifestError(f"{layout.MANIFEST} has no schema in it")
    names = {stored.name for stored in manifest.objects}
    lost = next((file.name for file in manifest.files if file.object not in names), None)
    if lost is not None or len(names) < len(manifest.objects):
        raise ManifestError(f"{layout.MANIFEST} names {'no object for ' + lost if lost else 'an object twice'}")
    return manifest


def read_manifest(location: Path, summary: Summary) -> Manifest:
    """The manifest of the backup in a directory.

    Raises:
        ManifestError: if it is missing, isn't the one that the summary was made from, or can't be read.
        BackupError: as the operating system refuses.
    """
    path = location / layout.MANIFEST
    with storage_errors(path, "Failed to read"):
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise ManifestError(f"{path} is missing") from error
    if hashlib.sha256(content).hexdigest() != summary.manifest_sha256:
        raise ManifestError(
            f"{path} isn't the one that {layout.SUMMARY} was made from",
            hint="One of them was changed afterwards: trust neither, and use another backup.",
        )
    return parse_manifest(content)


def summarize(manifest: Manifest, content: bytes) -> Summary:
    """The summary of a manifest; `content` is that of its file."""
    archive = manifest.archive if manifest.mode == "archive" else None
    size_bytes = len(content) + sum(stored.stored_size_bytes for stored in manifest.objects)
    return Summary(
        table=manifest.table.name,
        keyspace=manifest.table.keyspace,
        table_id=manifest.table.id,
        tag=manifest.tag,
        scylla_version=manifest.scylla_version,
        nominal_at=manifest.times.nominal_at,
        snapshot_at=manifest.times.snapshot_started_at,
        size_bytes=size_bytes,
        plain_size_bytes=sum(file.size_bytes for file in manifest.files),
        sent_bytes=size_bytes if manifest.sent is None else len(content) + manifest.sent.size_bytes,
        file_count=len(manifest.files),
        mode=manifest.mode,
        archive=archive.name if archive else "",
        archive_size_bytes=archive.stored_size_bytes if archive else 0,
        compression=archive.compression if archive else _most_common_compression(manifest),
        verified=Verified(**dict(manifest.verified)),
        manifest_size_bytes=len(content),
        manifest_sha256=hashlib.sha256(content).hexdigest(),
    )


def _most_common_compression(manifest: Manifest) -> str:
    sizes_bytes: Counter[str] = Counter()
    for stored in manifest.objects:
        sizes_bytes[stored.compression] += stored.plain_size_bytes
    return sizes_bytes.most_common(1)[0][0] if sizes_bytes else "none"
