"""Puts together what a manifest says: the values of a run, and the files that were written for a backup."""

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Self

from backup_core.errors import IntegrityError
from backup_core.model import NodeFacts, Placement, Snapshot, StoredArchive, TableSchema, VerifiedTable
from backup_core.repository import layout, manifest
from backup_core.repository.summary import FORMAT_VERSION, Verified
from backup_core.storage_errors import storage_errors


DISTRIBUTION = "alternator-backup"

_COMPRESSIONS: dict[str, Literal["none", "gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """All that a run knows of what it has stored.

    Attributes:
        nominal_at: the moment that the schedule names, or the start of a run by hand.
        verified: what has been checked so far.
    """

    schema: TableSchema
    snapshot: Snapshot
    node: NodeFacts
    placement: Placement
    nominal_at: datetime
    run_started_at: datetime
    verified: Verified

    @classmethod
    def of(cls, table: VerifiedTable, verified: Verified, **more: Any) -> Self:
        """Those of a table that was stored."""
        return cls(
            schema=table.schema,
            snapshot=table.snapshot,
            node=table.node,
            placement=table.placement,
            nominal_at=layout.tag_time(table.snapshot.tag),
            run_started_at=table.run_started_at,
            verified=verified,
            **more,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFacts(TableFacts):
    """All that is known of a backup in archive mode when its files have been written.

    Attributes:
        archive: as it was written into the staging directory.
    """

    archive: StoredArchive


@dataclass(frozen=True, slots=True)
class Contents:
    """What a manifest says of what is stored; its fields of these names say what each is."""

    objects: tuple[manifest.StoredObject, ...]
    files: tuple[manifest.ArchivedFile, ...]
    mode: Literal["archive", "incremental"] = "archive"
    table_schema: manifest.SchemaTexts | None = None
    encrypted_to: tuple[str, ...] = ()
    sent: manifest.Sent | None = None


def archive_contents(archive: StoredArchive, objects: tuple[manifest.StoredObject, ...]) -> Contents:
    """What a manifest in archive mode says of what is stored.

    Args:
        archive: as it was written.
        objects: all files of the backup.
    """
    files = (
        manifest.ArchivedFile(name=file.name, size_bytes=file.size_bytes, sha256=file.sha256) for file in archive.files
    )
    return Contents(objects, tuple(files))


def stored_objects(archive: StoredArchive, directory: Path) -> tuple[manifest.StoredObject, ...]:
    """What a manifest says of the files of a backup, the archive first.

    Args:
        archive: as it was written.
        directory: where the files are; all but the archive are read and hashed.

    Raises:
        IntegrityError: if the archive isn't there as it was written.
        BackupError: as the operating system refuses.
    """
    with storage_errors(directory, "Failed to list"):
        names = sorted(entry.name for entry in os.scandir(directory))
    if archive.name not in names or _size(directory / archive.name) != archive.size_bytes:
        raise IntegrityError(f"{directory / archive.name} isn't there with its {archive.size_bytes} bytes")
    return (_stored_archive(archive), *(stored_file(directory / name) for name in names if name != archive.name))


def stored_file(path: Path) -> manifest.StoredObject:
    """What a manifest says of one small file, which is read and hashed.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to read"):
        content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    is_schema = path.name == layout.DESCRIPTION or layout.is_schema_file(path.name)
    return manifest.StoredObject(
        name=path.name,
        role="schema" if is_schema else "document",
        plain_size_bytes=len(content),
        plain_sha256=sha256,
        stored_size_bytes=len(content),
        stored_sha256=sha256,
        compression="none",
    )


def build_manifest(facts: TableFacts, contents: Contents, finished_at: datetime) -> manifest.Manifest:
    """The manifest of a backup.

    Args:
        facts: of the run.
        contents: what is stored.
        finished_at: now.
    """
    return manifest.Manifest(
        format_version=FORMAT_VERSION,
        tool=manifest.Tool(name=DISTRIBUTION, version=version(DISTRIBUTION)),
        scylla_version=facts.node.scylla_version,
        table=_table(facts),
        tag=facts.snapshot.tag,
        node=_node(facts.node),
        ring=_ring(facts.placement),
        times=_times(facts, finished_at),
        mode=contents.mode,
        objects=contents.objects,
        files=contents.files,
        verified=manifest.Verification(
            structure=facts.verified.structure,
            digest=facts.verified.digest,
            stored=facts.verified.stored,
            restored=facts.verified.restored,
        ),
        table_schema=contents.table_schema,
        encrypted_to=contents.encrypted_to,
        sent=contents.sent,
    )


def _table(facts: TableFacts) -> manifest.TableName:
    table = facts.snapshot.table
    return manifest.TableName(name=table.name, keyspace=table.keyspace, id=table.id)


def _node(node: NodeFacts) -> manifest.Node:
    return manifest.Node(
        host_id=node.host_id,
        cluster=node.cluster,
        datacenter=node.datacenter,
        rack=node.rack,
        addresses=node.addresses,
        peers_up=node.peers_up,
        peers_down=node.peers_down,
        schema_version=node.schema_version,
    )


def _ring(placement: Placement) -> manifest.Ring:
    ranges = placement.ranges
    return manifest.Ring(
        replication=None if placement.replication is None else dict(placement.replication),
        tablets=placement.tablets,
        ranges=None
        if ranges is None
        else tuple(manifest.Range(start=part.start, end=part.end, endpoints=part.endpoints) for part in ranges),
    )


def _times(facts: TableFacts, finished_at: datetime) -> manifest.Times:
    return manifest.Times(
        nominal_at=facts.nominal_at,
        snapshot_started_at=facts.snapshot.started_at,
        snapshot_finished_at=facts.snapshot.finished_at,
        run_started_at=facts.run_started_at,
        run_finished_at=finished_at,
    )


def _stored_archive(archive: StoredArchive) -> manifest.StoredObject:
    return manifest.StoredObject(
        name=archive.name,
        role="archive",
        plain_size_bytes=archive.plain_size_bytes,
        plain_sha256=archive.plain_sha256,
        stored_size_bytes=archive.size_bytes,
        stored_sha256=archive.sha256,
        compression=_COMPRESSIONS.get(Path(archive.name).suffix, "none"),
    )


def _size(path: Path) -> int:
    with storage_errors(path, "Failed to read"):
        return path.lstat().st_size
