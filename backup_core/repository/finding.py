"""Finds one backup among those that are listed, or says what comes close to it."""

from collections.abc import Callable, Iterable, Sequence

from backup_core.close_names import close_names
from backup_core.errors import NotFoundError
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing, BackupStatus


def find_backup(
    repository: str,
    table_name: str,
    tag: str | None,
    found: Sequence[BackupListing],
    tables: Callable[[], Iterable[str]],
) -> BackupListing:
    """One backup of a table.

    Args:
        repository: name of the repository.
        table_name: the table.
        tag: the backup's; None for the newest that is complete, or just the newest where none is.
        found: all backups of the table, newest first.
        tables: names of the tables that have backups there; asked only if this one has none.

    Raises:
        NotFoundError: there is none; the message names what is close.
    """
    if not found:
        raise _no_table(repository, table_name, tables())
    if tag is None:
        return next((listing for listing in found if listing.status is BackupStatus.COMPLETE), found[0])
    for listing in found:
        if listing.tag == tag:
            return listing
    raise _no_tag(repository, table_name, tag, found)


def _no_table(repository: str, table_name: str, tables: Iterable[str]) -> NotFoundError:
    close = close_names(table_name, sorted(set(tables)))
    hint = f"Close to it: {', '.join(close)}." if close else "See what there is with `list`."
    return NotFoundError(f"There is no backup of a table {table_name!r} in {repository}", hint=hint)


def _no_tag(repository: str, table_name: str, tag: str, found: Sequence[BackupListing]) -> NotFoundError:
    by_distance = found
    if layout.is_tag(tag):
        by_distance = sorted(found, key=lambda other: abs(layout.tag_time(other.tag) - layout.tag_time(tag)))
    nearest = ", ".join(listing.tag for listing in by_distance[:3])
    return NotFoundError(f"There is no backup {table_name}/{tag} in {repository}", hint=f"Nearest: {nearest}.")
