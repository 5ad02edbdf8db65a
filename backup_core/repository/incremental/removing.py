"""Removes a backup: its manifest first, which takes it off every list at once, then what is beside it.

The objects stay: other backups may need them (`sweeping`). A crash leaves a backup as it was, or debris that nothing
lists and that the next sweep removes.
"""

from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.notes import read_hold
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.storage.protocol import Content, Storage


def remove_backup(storage: Storage, keys: TableKeys, tag: str, own: OwnManifests | None) -> bool:
    """Remove a backup.

    Args:
        storage: where it is.
        keys: of its table.
        tag: its tag.
        own: forgets that there was such a backup; None where nothing is known of that.

    Returns:
        Whether this did it: not if somebody else has removed the backup before, or holds it.

    Raises:
        BackupError: as the store refuses.
    """
    key = keys.manifest(tag)
    manifest = read_object(storage, key)
    if manifest is None or read_hold(storage, keys, tag) is not None:
        return False
    storage.delete((key,))
    # Whoever has placed a hold since then found the manifest, and was told that the backup stays.
    if read_hold(storage, keys, tag) is not None:
        storage.put(key, Content.of(manifest), if_absent=True)
        return False
    if own is not None:
        own.drop(keys.table_id, (tag,))
    storage.delete([info.key for info in storage.list(f"{keys.backups}{tag}.") if keys.beside(info.key)])
    return True
