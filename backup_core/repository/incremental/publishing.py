"""Turns what was sent into a backup: its summary, and then its manifest, which is the commit."""

from datetime import datetime

from backup_core.errors import ObjectExistsError, StorageError
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.own_manifests import OwnManifest, OwnManifests
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.manifest import Manifest, summarize
from backup_core.repository.storage.protocol import Content, Storage
from backup_core.repository.summary import Summary


def publish(storage: Storage, keys: TableKeys, manifest: Manifest, own: OwnManifests, now: datetime) -> Summary:
    """Publish a backup, all of whose objects are stored; its summary.

    Args:
        storage: where they are.
        keys: of its table.
        manifest: of the backup.
        own: remembers it, before it is put.
        now: the time.

    Raises:
        StorageError: there is such a backup.
        BackupError: as the store refuses.
    """
    content, key = manifest.to_json(), keys.manifest(manifest.tag)
    summary = summarize(manifest, content)
    # To get what isn't there is one request, answered with the reason; to stat it would be another one for that.
    if read_object(storage, key) is not None:
        raise _exists(storage, key)
    storage.put(keys.summary(manifest.tag), Content.of(summary.to_json()))
    own.add(keys.table_id, OwnManifest(manifest.tag, summary.manifest_sha256, now))
    try:
        storage.put(key, Content.of(content), if_absent=True)
    except ObjectExistsError as error:
        # The answer to a put may get lost, and the put be tried again.
        if read_object(storage, key) != content:
            raise _exists(storage, key) from error
    return summary


def _exists(storage: Storage, key: str) -> StorageError:
    return StorageError(
        f"{storage.address}/{key} exists already", hint="One tag of a table is one backup: take another tag."
    )
