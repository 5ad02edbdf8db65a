"""Reads the manifests of an incremental repository."""

import hashlib

from backup_core.errors import ManifestError
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.manifest import Manifest, parse_manifest
from backup_core.repository.storage.protocol import Storage


def manifest_tags(storage: Storage, keys: TableKeys) -> set[str]:
    """Tags of all backups of a table that have a manifest.

    Raises:
        BackupError: as the store refuses.
    """
    return {tag for info in storage.list(keys.backups) if (tag := keys.tag_of(info.key))}


def read_manifest(storage: Storage, keys: TableKeys, tag: str, sha256: str | None) -> Manifest | None:
    """The manifest of a backup; None if there is none.

    Args:
        storage: where it is.
        keys: of its table.
        tag: its tag.
        sha256: what its summary says its SHA-256 is; None where only the manifest itself is to be gone by.

    Raises:
        ManifestError: it can't be read, is another backup's, or isn't the one that the summary was made from.
        BackupError: as the store refuses.
    """
    content = read_object(storage, keys.manifest(tag))
    return None if content is None else checked_manifest(content, keys, tag, sha256)


def checked_manifest(content: bytes, keys: TableKeys, tag: str, sha256: str | None) -> Manifest:
    """The manifest of such an object; arguments and errors as for `read_manifest`."""
    key = keys.manifest(tag)
    if sha256 not in {None, hashlib.sha256(content).hexdigest()}:
        raise ManifestError(
            f"{key} isn't the one that {keys.summary(tag)} was made from",
            hint="One of them was changed afterwards: trust neither, and use another backup.",
        )
    try:
        manifest = parse_manifest(content)
    except ManifestError as error:
        raise ManifestError(f"{key}: {error.message}", hint=error.hint) from error
    if (manifest.table.name, manifest.table.id, manifest.tag) != (keys.table_name, keys.table_id, tag):
        raise ManifestError(f"{key} is that of {manifest.table.name}/{manifest.tag}, table id {manifest.table.id}")
    if manifest.mode != "incremental":
        raise ManifestError(f"{key} is of {manifest.mode} mode")
    return manifest
