"""Makes what the catalogue has of a table complete, from the manifests of all its backups."""

from collections import defaultdict
from collections.abc import Iterator

from backup_core.errors import ManifestError
from backup_core.repository.incremental.catalogue import Catalogue
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.manifests import manifest_tags, read_manifest
from backup_core.repository.incremental.pieces import KnownObject, generation_of
from backup_core.repository.manifest import ArchivedFile, Manifest
from backup_core.repository.storage.protocol import Storage


def rebuild_catalogue(storage: Storage, keys: TableKeys, catalogue: Catalogue, removed_at: str) -> int:
    """Let the catalogue know the objects of a table that backups use; how many those are.

    A manifest that can't be read is passed over: what it names is sent again, under other names.

    Args:
        storage: where the backups are.
        keys: of the table, whose lock the caller holds.
        catalogue: what it has of this table is forgotten first, unless it can be believed.
        removed_at: when objects were last removed, as the table's losses tell.

    Raises:
        BackupError: as the store refuses; then the catalogue doesn't know the table.
    """
    if not catalogue.knows(keys.table_id, removed_at):
        catalogue.forget_objects(keys.table_id)
    seen: set[str] = set()
    for tag in sorted(manifest_tags(storage, keys), key=int, reverse=True):
        try:
            manifest = read_manifest(storage, keys, tag, None)
        except ManifestError:
            continue
        if manifest is not None:
            catalogue.add_objects(
                keys.table_id, [each for each in known_objects(manifest) if each.stored.name not in seen]
            )
            seen.update(stored.name for stored in manifest.objects)
    catalogue.trust(keys.table_id, removed_at)
    return len(seen)


def known_objects(manifest: Manifest) -> Iterator[KnownObject]:
    """The objects that a manifest names."""
    inside: defaultdict[str | None, list[ArchivedFile]] = defaultdict(list)
    for file in manifest.files:
        inside[file.object].append(file)
    for stored in manifest.objects:
        files = () if stored.role == "data" else tuple(inside[stored.name])
        yield KnownObject(stored, generation_of(stored.name), manifest.encrypted_to, files)
