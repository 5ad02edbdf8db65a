"""The archive of a backup, going by its manifest, which must not contradict itself."""

from pathlib import Path

from backup_core.compression import ArchiveFormat
from backup_core.errors import IntegrityError, ManifestError
from backup_core.repository import layout, legacy
from backup_core.repository.archive_verification import archive_format, expected_archive
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest
from backup_core.restore.snapshot_files import check_names
from backup_core.restore.source_archive import SourceArchive
from backup_core.tar_format import stream_size_bytes


def backup_archive(listing: BackupListing, manifest: Manifest | None) -> SourceArchive:
    """The archive of a backup.

    Args:
        listing: the backup.
        manifest: its own; None for what the predecessor left.

    Raises:
        ManifestError: the manifest contradicts itself, or names what is no file of an SSTable.
    """
    if manifest is None:
        name = layout.archive_name(listing.table, legacy.ARCHIVE_SUFFIX)
        return SourceArchive(Path(listing.location) / name, ArchiveFormat.TAR_GZ, listing.table, None, is_legacy=True)
    expected = expected_archive(manifest)
    path = Path(listing.location) / expected.name
    archive = SourceArchive(path, archive_format(manifest), listing.table, expected)
    try:
        _check_consistent(archive)
    except IntegrityError as error:
        raise ManifestError(
            f"The manifest in {listing.location} can't be true: {error.message}.", hint="Use another backup."
        ) from error
    return archive


def _check_consistent(archive: SourceArchive) -> None:
    files = archive.files or ()
    check_names(files)
    plain_size_bytes = archive.expected.plain_size_bytes if archive.expected else 0
    if stream_size_bytes(files) != plain_size_bytes:
        raise IntegrityError(f"its files don't make a tar stream of {plain_size_bytes} bytes")
