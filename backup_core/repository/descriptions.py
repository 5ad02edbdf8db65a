"""Reads what a restore needs to know of the table of a backup in archive mode."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backup_core.errors import ManifestError
from backup_core.repository import layout
from backup_core.repository.legacy_definition import legacy_description
from backup_core.repository.manifest import Manifest
from backup_core.repository.reading import read_plain
from backup_core.storage_errors import storage_errors


MOST_SCHEMA_BYTES = 64 << 20
"""Of one file that describes a table; ScyllaDB's own limit for such a text is a frame of 256 MiB."""


def read_description(location: Path, manifest: Manifest) -> Mapping[str, Any]:
    """The content of `alternator_schema.json`.

    Args:
        location: the backup's directory.
        manifest: its own.

    Raises:
        ManifestError: the manifest names no such file, or it can't be read.
        IntegrityError: it isn't the one that was stored.
        BackupError: as the operating system refuses.
    """
    path = location / layout.DESCRIPTION
    stored = next((each for each in manifest.objects if each.name == layout.DESCRIPTION), None)
    if stored is None:
        raise ManifestError(f"{location / layout.MANIFEST} names no {layout.DESCRIPTION}")
    if stored.plain_size_bytes > MOST_SCHEMA_BYTES:
        raise _too_large(path)
    with read_plain(location, stored) as blocks:
        content = b"".join(blocks)
    try:
        description = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path} can't be read: {type(error).__name__}: {error}") from error
    if not isinstance(description, dict):
        raise ManifestError(f"{path} holds no object")
    return description


def read_legacy_description(location: Path, table_name: str, tag: str) -> Mapping[str, Any]:
    """The same of what the predecessor left, as far as its DDL tells it.

    Args:
        location: the directory of its files.
        table_name: the table.
        tag: of the backup, for messages.

    Raises:
        ManifestError: there is no DDL, or it can't be read.
        BackupError: as the operating system refuses.
    """
    with storage_errors(location, "Failed to list"):
        names = sorted(path.name for path in location.iterdir() if layout.is_schema_file(path.name))
    if layout.TABLE_SCHEMA not in names:
        raise ManifestError(
            f"{table_name}/{tag} has no {layout.TABLE_SCHEMA}: nothing tells what the table was like.",
            hint="Create the table by hand, and load the archive's files as its README would say.",
        )
    views = [_read_text(location / name) for name in names if name != layout.TABLE_SCHEMA]
    return legacy_description(table_name, _read_text(location / layout.TABLE_SCHEMA), views)


def _read_text(path: Path) -> str:
    with storage_errors(path, "Failed to read"), path.open("rb") as file:
        content = file.read(MOST_SCHEMA_BYTES + 1)
    if len(content) > MOST_SCHEMA_BYTES:
        raise _too_large(path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is no text: {error}") from error


def _too_large(path: Path) -> ManifestError:
    return ManifestError(f"{path} is larger than {MOST_SCHEMA_BYTES} bytes: that describes no table")
