"""Publishes a backup: it is complete and on the disk under a temporary name, and one rename lets it be listed.

What follows the rename, the predecessor's files and the links, is mended by the next publication after a crash.
"""

import os
from pathlib import Path

from backup_core.durable import make_directory, require_directory, require_writable, sync_directory
from backup_core.errors import BackupError, StorageError
from backup_core.events import LEGACY_ADOPTED, Reporter
from backup_core.model import StoredBackup
from backup_core.repository import layout, legacy, links
from backup_core.repository.listing import BackupStatus, list_backups
from backup_core.repository.staging import Staging
from backup_core.repository.summary import Summary
from backup_core.storage_errors import storage_errors


def check_free(root: Path, table_name: str, tag: str) -> None:
    """Make sure that nothing stands where a backup and the links to it will be, before any work goes into it.

    Raises:
        StorageError: if something does.
        BackupError: as the operating system refuses.
    """
    directory = layout.table_directory(root, table_name)
    if os.path.lexists(directory / layout.check_tag(tag)):
        raise StorageError(
            f"{table_name}/{tag} exists already", hint="One tag of a table is one backup: take another tag."
        )
    if not os.path.lexists(directory):
        return
    require_directory(directory)
    require_writable(directory)
    links.check_places(directory)


def mend_links(root: Path, table_name: str, reporter: Reporter) -> None:
    """Move what the predecessor left out of the way, and let its paths lead to the newest complete backup.

    Does nothing for a table that has no backup of ours yet.

    Raises:
        BackupError: as the operating system refuses.
    """
    directory = layout.table_directory(root, table_name)
    own = [listing for listing in list_backups(root, table_name) if layout.is_tag(listing.tag)]
    if own:
        tag = legacy.adopt(directory)
        if tag is not None:
            reporter.event(LEGACY_ADOPTED, table=table_name, tag=tag)
    newest = next((directory / listing.tag for listing in own if listing.status is BackupStatus.COMPLETE), None)
    links.update(root, directory, newest)


def publish(root: Path, staging: Staging, summary: Summary, *, repository: str, reporter: Reporter) -> StoredBackup:
    """Turn a staged backup into one that is listed.

    Args:
        root: the repository.
        staging: with everything in it, on the disk.
        summary: of what is in it.
        repository: the repository's name.
        reporter: hears of files of the predecessor that had to move.

    Raises:
        StorageError: if there is a backup of that name, or the links to the published one couldn't be made.
        BackupError: as the operating system refuses.
    """
    location = _commit(root, staging)
    try:
        mend_links(root, summary.table, reporter)
    except BackupError as error:
        raise StorageError(
            f"{summary.table}/{summary.tag} is published, but {layout.LATEST} doesn't lead to it: {error.message}",
            hint=error.hint,
        ) from error
    return StoredBackup(
        repository=repository,
        table=staging.table,
        tag=staging.tag,
        location=str(location),
        size_bytes=summary.size_bytes,
        plain_size_bytes=summary.plain_size_bytes,
        snapshot_at=summary.snapshot_at,
        archive=summary.archive,
    )


def _commit(root: Path, staging: Staging) -> Path:
    check_free(root, staging.table.name, staging.tag)
    location = layout.table_directory(root, staging.table.name) / staging.tag
    make_directory(location.parent)
    with storage_errors(location, "Failed to publish"):
        staging.directory.rename(location)
    sync_directory(location.parent)
    sync_directory(staging.directory.parent)
    return location
