"""What a run knew of a table, read from the manifest that it wrote: a copy says the same of who took it and when."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from backup_core.errors import ManifestError
from backup_core.model import (
    NodeFacts,
    Placement,
    Snapshot,
    SourceFile,
    SSTable,
    Table,
    TableSchema,
    TokenRange,
    VerifiedTable,
)
from backup_core.repository import layout
from backup_core.repository.descriptions import MOST_SCHEMA_BYTES
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest, StoredObject
from backup_core.repository.protocol import Repository
from backup_core.restore.snapshot_files import METADATA


def recorded_table(
    manifest: Manifest, schema: TableSchema, directory: Path, sstables: Iterable[SSTable], now: datetime
) -> VerifiedTable:
    """A table that is ready to be stored once more.

    Args:
        manifest: of its backup.
        schema: of the table.
        directory: where all files of the snapshot are again.
        sstables: those that are there, found complete.
        now: the time of that.
    """
    snapshot = Snapshot(
        table=schema.table,
        tag=manifest.tag,
        directory=directory,
        sstables=tuple(sorted(map(_sorted, sstables), key=lambda sstable: sstable.prefix)),
        metadata=tuple(SourceFile(file.name, file.size_bytes) for file in manifest.files if file.name in METADATA),
        started_at=manifest.times.snapshot_started_at,
        finished_at=manifest.times.snapshot_finished_at,
    )
    return VerifiedTable(
        schema=schema,
        placement=_placement(manifest),
        snapshot=snapshot,
        verified_at=manifest.verified.structure or now,
        node=_node(manifest),
        run_started_at=manifest.times.run_started_at,
    )


def recorded_schema(repository: Repository, listing: BackupListing, manifest: Manifest) -> TableSchema:
    """The schema of a backup, in both forms.

    Args:
        repository: that has the backup.
        listing: the backup.
        manifest: its own.

    Raises:
        ManifestError, IntegrityError: it can't be read, or isn't the one that was stored.
    """
    table = Table(manifest.table.name, manifest.table.id)
    description = repository.description(listing, manifest)
    if manifest.table_schema is not None:
        return TableSchema(table, manifest.table_schema.table, manifest.table_schema.views, description)
    texts = {
        stored.name: _text(repository, listing, stored)
        for stored in manifest.objects
        if layout.is_schema_file(stored.name)
    }
    ddl = texts.pop(layout.TABLE_SCHEMA, None)
    if ddl is None:
        raise ManifestError(f"The manifest in {listing.location} names no {layout.TABLE_SCHEMA}")
    # By number: a longer name of a view has a higher one.
    views = tuple(texts[name] for name in sorted(texts, key=lambda name: (len(name), name)))
    return TableSchema(table, ddl, views, description)


def _text(repository: Repository, listing: BackupListing, stored: StoredObject) -> str:
    if stored.plain_size_bytes > MOST_SCHEMA_BYTES:
        raise ManifestError(f"{stored.name} in {listing.location} is larger than {MOST_SCHEMA_BYTES} bytes")
    with repository.read(listing, stored) as blocks:
        content = b"".join(blocks)
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{stored.name} in {listing.location} is no text: {error}") from error


def _sorted(sstable: SSTable) -> SSTable:
    return SSTable(sstable.prefix, tuple(sorted(sstable.components, key=lambda file: file.name)))


def _node(manifest: Manifest) -> NodeFacts:
    node = manifest.node
    return NodeFacts(
        host_id=node.host_id,
        scylla_version=manifest.scylla_version,
        cluster=node.cluster,
        datacenter=node.datacenter,
        rack=node.rack,
        addresses=node.addresses,
        peers_up=node.peers_up,
        peers_down=node.peers_down,
        schema_version=node.schema_version,
    )


def _placement(manifest: Manifest) -> Placement:
    ring = manifest.ring
    ranges = None
    if ring.ranges is not None:
        ranges = tuple(TokenRange(part.start, part.end, part.endpoints) for part in ring.ranges)
    return Placement(ring.replication, ring.tablets, ranges)
