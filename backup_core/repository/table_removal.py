"""Removes backups of one table in archive mode; with the last of them its links and its directory."""

import errno
from collections.abc import Iterable, Sequence
from pathlib import Path

from backup_core.durable import sync_directory
from backup_core.repository import layout, legacy, links
from backup_core.repository.listing import BackupListing, BackupStatus, list_backups
from backup_core.repository.protocol import Removed
from backup_core.repository.removal import remove_backup
from backup_core.storage_errors import storage_errors


def remove_of_table(root: Path, chosen: Sequence[BackupListing], removed: Removed) -> tuple[str, ...]:
    """Remove backups of one table, and its directory with the links if nothing else is in there.

    Args:
        root: the repository.
        chosen: backups of one table.
        removed: hears of each that went.

    Returns:
        What is in the table's directory and stays, being neither a backup nor ours; empty where backups stay.

    Raises:
        BackupError: as the operating system refuses; what is still listed then is whole.
    """
    table_name = chosen[0].table
    directory = layout.table_directory(root, table_name)
    legacy.adopt(directory)  # else its files would stand where links come, and be removed one by one
    # Links change first, so that none ever leads to what is gone; after a crash the next run mends them.
    going = {listing.tag for listing in chosen}
    _link(root, directory, (listing for listing in list_backups(root, table_name) if listing.tag not in going))
    for listing in reversed(chosen):
        if remove_backup(root, directory / listing.tag):
            removed(listing)
    left = list_backups(root, table_name)
    if not left:
        return _remove_directory(directory)
    _link(root, directory, left)
    return ()


def _link(root: Path, directory: Path, newest_first: Iterable[BackupListing]) -> None:
    complete = (directory / listing.tag for listing in newest_first if listing.status is BackupStatus.COMPLETE)
    links.update(root, directory, next(complete, None))


def _remove_directory(directory: Path) -> tuple[str, ...]:
    with storage_errors(directory, "Failed to remove"):
        try:
            directory.rmdir()
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            return tuple(sorted(map(str, directory.iterdir())))
    sync_directory(directory.parent)
    return ()
