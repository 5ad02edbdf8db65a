"""Reads what a restore needs of one backup: its manifest and its description, held against each other."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backup_core.errors import IntegrityError, ManifestError
from backup_core.model import keyspace_of
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing, read_summary
from backup_core.repository.local import LocalRepository
from backup_core.repository.manifest import Manifest
from backup_core.restore.legacy_definition import legacy_description
from backup_core.restore.model import BackupSource
from backup_core.storage_errors import storage_errors


MOST_SCHEMA_BYTES = 64 << 20
"""Of one file that describes a table; ScyllaDB's own limit for such a text is a frame of 256 MiB."""


def read_source(repository: LocalRepository, listing: BackupListing) -> BackupSource:
    """The backup with its manifest and its description.

    Args:
        repository: that has it, open for reading.
        listing: not a damaged one.

    Raises:
        ManifestError: one of them can't be read, or they contradict each other.
        IntegrityError: the description isn't the one that was stored.
        BackupError: as the operating system refuses.
    """
    if layout.is_legacy_tag(listing.tag):
        return BackupSource(repository, listing, None, _legacy(listing))
    manifest = repository.manifest(listing)
    _check_identity(manifest, listing)
    description = _description(manifest, listing)
    return BackupSource(
        repository, listing, manifest, description, manifest_sha256=read_summary(listing.location).manifest_sha256
    )


def _check_identity(manifest: Manifest, listing: BackupListing) -> None:
    table = manifest.table
    if (table.name, table.keyspace, manifest.tag) != (listing.table, keyspace_of(listing.table), listing.tag):
        raise ManifestError(
            f"{listing.location / layout.MANIFEST} is that of {table.name}/{manifest.tag} in keyspace {table.keyspace}"
        )


def _description(manifest: Manifest, listing: BackupListing) -> Mapping[str, Any]:
    path = listing.location / layout.DESCRIPTION
    stored = next((each for each in manifest.objects if each.name == layout.DESCRIPTION), None)
    if stored is None:
        raise ManifestError(f"{listing.location / layout.MANIFEST} names no {layout.DESCRIPTION}")
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != stored.stored_sha256:
        raise IntegrityError(
            f"{path} has another content than {layout.MANIFEST} says", hint="Choose another backup: see `list`."
        )
    try:
        description = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path} can't be read: {type(error).__name__}: {error}") from error
    if not isinstance(description, dict):
        raise ManifestError(f"{path} holds no object")
    return description


def _legacy(listing: BackupListing) -> Mapping[str, Any]:
    directory = listing.location
    with storage_errors(directory, "Failed to list"):
        names = sorted(path.name for path in directory.iterdir() if layout.is_schema_file(path.name))
    if layout.TABLE_SCHEMA not in names:
        raise ManifestError(
            f"{listing.table}/{listing.tag} has no {layout.TABLE_SCHEMA}: nothing tells what the table was like.",
            hint="Create the table by hand, and load the archive's files as its README would say.",
        )
    views = [_read_text(directory / name) for name in names if name != layout.TABLE_SCHEMA]
    return legacy_description(listing.table, _read_text(directory / layout.TABLE_SCHEMA), views)


def _read_text(path: Path) -> str:
    try:
        return _read(path).decode()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is no text: {error}") from error


def _read(path: Path) -> bytes:
    with storage_errors(path, "Failed to read"), path.open("rb") as file:
        content = file.read(MOST_SCHEMA_BYTES + 1)
    if len(content) > MOST_SCHEMA_BYTES:
        raise ManifestError(f"{path} is larger than {MOST_SCHEMA_BYTES} bytes: that describes no table")
    return content
