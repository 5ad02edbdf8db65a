"""Removes backups of one table, and with the last of a table id everything else that is kept of it."""

from collections.abc import Iterator, Sequence

from backup_core.repository.incremental.catalogue import Catalogue
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.listing import table_ids
from backup_core.repository.incremental.manifests import manifest_tags
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.incremental.removing import remove_backup
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Removed
from backup_core.repository.storage.protocol import Storage


def remove_of_table(
    storage: Storage,
    catalogue: Catalogue | None,
    own: OwnManifests | None,
    chosen: Sequence[BackupListing],
    removed: Removed,
) -> tuple[str, ...]:
    """Remove backups, oldest first.

    Args:
        storage: where they are.
        catalogue: forgets what goes; None where no run is ever made.
        own: likewise.
        chosen: backups of one table, newest first, whose lock the caller holds.
        removed: hears of each that went.

    Returns:
        What stays of the table though none of its backups does: it isn't ours.

    Raises:
        BackupError: as the store refuses; what is still listed then is whole.
    """
    for listing in reversed(chosen):
        keys = TableKeys(listing.table, listing.id or "")
        if remove_backup(storage, keys, listing.tag, own):
            removed(listing)
    ids = tuple(table_ids(storage, chosen[0].table))
    return tuple(left for keys in ids for left in _remove_rest(storage, catalogue, keys))


def _remove_rest(storage: Storage, catalogue: Catalogue | None, keys: TableKeys) -> Iterator[str]:
    if manifest_tags(storage, keys):
        return
    if catalogue is not None:
        catalogue.forget(keys.table_id)
    found = [info.key for info in storage.list(keys.root)]
    storage.delete([key for key in found if keys.is_own(key)])
    yield from (f"{storage.address}/{key}" for key in found if not keys.is_own(key))
