"""Reads what a restore needs of one backup: its manifest and its description, held against each other."""

from backup_core.errors import ManifestError
from backup_core.model import keyspace_of
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest
from backup_core.repository.protocol import Repository
from backup_core.restore.model import BackupSource


def read_source(repository: Repository, listing: BackupListing) -> BackupSource:
    """The backup with its manifest and its description.

    Args:
        repository: that has it, open for reading.
        listing: not a damaged one.

    Raises:
        ManifestError: one of them can't be read, or they contradict each other.
        IntegrityError: the description isn't the one that was stored.
        BackupError: as the operating system or the store refuses.
    """
    manifest = None if layout.is_legacy_tag(listing.tag) else repository.manifest(listing)
    if manifest is not None:
        _check_identity(manifest, listing)
    return BackupSource(repository, listing, manifest, repository.description(listing, manifest))


def _check_identity(manifest: Manifest, listing: BackupListing) -> None:
    table = manifest.table
    if (table.name, table.keyspace, manifest.tag) != (listing.table, keyspace_of(listing.table), listing.tag):
        raise ManifestError(
            f"The manifest in {listing.location} is that of {table.name}/{manifest.tag} in keyspace {table.keyspace}"
        )
