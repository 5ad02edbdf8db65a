"""Forgets a table: removes all of its backups, whatever retention says; only a hold is stronger.

Whoever forgets holds the table's lock: no run must publish into a table whose links and directory are going.
"""

import errno
from collections.abc import Iterable, Sequence
from pathlib import Path

from backup_core.durable import sync_directory
from backup_core.errors import NotFoundError, StorageError
from backup_core.events import Reporter
from backup_core.repository import layout, legacy, links
from backup_core.repository.listing import BackupListing, BackupStatus, list_backups
from backup_core.repository.local import LocalRepository
from backup_core.repository.pruning import report_removed
from backup_core.repository.removal import remove_backup
from backup_core.storage_errors import storage_errors


def forgettable(repository: LocalRepository, table_name: str, table_id: str | None) -> tuple[BackupListing, ...]:
    """What `forget` would remove.

    Args:
        repository: it may be open for reading only.
        table_name: the table.
        table_id: only backups of this id; None for all of that name, damaged ones and the predecessor's too.

    Raises:
        NotFoundError: there is no backup of such a table.
        StorageError: one of them is held.
        BackupError: as the operating system refuses.
    """
    repository.find(table_name)
    listings = list_backups(repository.path, table_name)
    chosen = tuple(listing for listing in listings if table_id in {None, listing.id})
    if not chosen:
        known = ", ".join(sorted({listing.id for listing in listings if listing.id})) or "none"
        raise NotFoundError(
            f"There is no backup of a table {table_name!r} with id {table_id} in {repository.name}",
            hint=f"Known ids: {known}.",
        )
    held = [listing for listing in chosen if listing.hold is not None]
    if held:
        raise StorageError(
            f"{table_name}/{held[0].tag} in {repository.name} is {held[0].hold}",
            hint=f"Release it first: `release {table_name} {held[0].tag}`.",
        )
    return chosen


def forget(repository: LocalRepository, chosen: Sequence[BackupListing], reporter: Reporter) -> tuple[Path, ...]:
    """Remove backups of one table, and its directory with the links if nothing else is in there.

    Args:
        repository: open for writing.
        chosen: what `forgettable` gave.
        reporter: hears of each backup that went.

    Returns:
        What is in the table's directory and stays, being neither a backup nor ours; empty where backups stay.

    Raises:
        BackupError: as the operating system refuses; what is still listed then is whole.
    """
    root, table_name = repository.path, chosen[0].table
    directory = layout.table_directory(root, table_name)
    legacy.adopt(directory)  # else its files would stand where links come, and be removed one by one
    # Links change first, so that none ever leads to what is gone; after a crash the next run mends them.
    going = {listing.tag for listing in chosen}
    _link(root, directory, (listing for listing in list_backups(root, table_name) if listing.tag not in going))
    for listing in reversed(chosen):
        if remove_backup(root, directory / listing.tag):
            report_removed(reporter, repository, listing, "forgotten")
    left = list_backups(root, table_name)
    if not left:
        return _remove_directory(directory)
    _link(root, directory, left)
    return ()


def _link(root: Path, directory: Path, newest_first: Iterable[BackupListing]) -> None:
    complete = (listing.location for listing in newest_first if listing.status is BackupStatus.COMPLETE)
    links.update(root, directory, next(complete, None))


def _remove_directory(directory: Path) -> tuple[Path, ...]:
    with storage_errors(directory, "Failed to remove"):
        try:
            directory.rmdir()
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            return tuple(sorted(directory.iterdir()))
    sync_directory(directory.parent)
    return ()
