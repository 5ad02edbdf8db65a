"""Forgets a table: removes all of its backups, whatever retention says; only a hold is stronger.

Whoever forgets holds the table's lock: no run must publish into a table of which everything is going.
"""

from collections.abc import Sequence

from backup_core.errors import NotFoundError, StorageError
from backup_core.events import Reporter
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from backup_core.repository.pruning import report_removed


def forgettable(
    repository: Repository, table_name: str, table_id: str | None, tag: str | None = None
) -> tuple[BackupListing, ...]:
    """What `forget` would remove.

    Args:
        repository: it may be open for reading only.
        table_name: the table.
        table_id: only backups of this id; None for all of that name, damaged ones and the predecessor's too.
        tag: only this backup.

    Raises:
        NotFoundError: there is no backup of such a table, or none of that tag.
        StorageError: one of them is held.
        BackupError: as the operating system or the store refuses.
    """
    found = repository.find(table_name, tag)
    listings = repository.backups(table_name) if tag is None else (found,)
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


def forget(repository: Repository, chosen: Sequence[BackupListing], reporter: Reporter) -> tuple[str, ...]:
    """Remove backups of one table, and with the last of them whatever else there is of the table.

    Args:
        repository: open for writing.
        chosen: what `forgettable` gave.
        reporter: hears of each backup that went.

    Returns:
        What stays there and isn't ours.

    Raises:
        BackupError: as the operating system or the store refuses; what is still listed then is whole.
    """
    return repository.forget(chosen, lambda listing: report_removed(reporter, repository, listing, "forgotten"))
