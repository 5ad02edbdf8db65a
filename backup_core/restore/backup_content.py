"""The content of a backup, in whatever mode its manifest says that it is stored."""

from backup_core.errors import ManifestError
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest
from backup_core.repository.protocol import Repository
from backup_core.restore.backup_archive import backup_archive
from backup_core.restore.content import BackupContent
from backup_core.restore.object_content import object_content


def backup_content(repository: Repository, listing: BackupListing, manifest: Manifest | None) -> BackupContent:
    """What is to be unpacked.

    Args:
        repository: that has the backup, open for reading.
        listing: the backup.
        manifest: its own; None for what the predecessor left.

    Raises:
        ManifestError: the manifest contradicts itself or the place where it was found, or names what is no file of
            an SSTable.
    """
    if manifest is None:
        return backup_archive(listing, None)
    if manifest.table.name != listing.table:
        raise ManifestError(f"The manifest in {listing.location} is that of a table {manifest.table.name!r}.")
    if manifest.mode == "incremental":
        return object_content(repository, listing, manifest)
    return backup_archive(listing, manifest)
