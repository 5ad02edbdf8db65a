"""`~repository.json` at a repository's root: which format it has, and whose it is."""

import json
import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backup_core.durable import read_file, sync_directory, write_file
from backup_core.errors import ForeignRepositoryError, StorageError
from backup_core.repository import layout
from backup_core.repository.staging import temporary_directory
from backup_core.repository.timestamps import parse_timestamp, timestamp
from backup_core.storage_errors import storage_errors


FORMAT_VERSION = 1
MODE = "archive"


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose repository this is.

    Attributes:
        repository_id: made up when the repository was made; tells a copy from another repository.
        host_id: of the one node that writes here.
        cluster: its cluster's name then; for people.
    """

    repository_id: str
    host_id: str
    cluster: str | None
    created_at: datetime


def read_marker(root: Path) -> Marker | None:
    """The marker of a repository, or None if there is none.

    Raises:
        ForeignRepositoryError: if it is of a newer format or of another mode.
        StorageError: if it can't be read.
    """
    path = root / layout.MARKER
    content = read_file(path)
    if content is None:
        return None
    try:
        fields = json.loads(content)
        if (fields["format_version"], fields["mode"]) != (FORMAT_VERSION, MODE):
            raise _unknown_format(path, fields)
        created_at = parse_timestamp(fields["created_at"])
        return Marker(fields["repository_id"], fields["host_id"], fields["cluster"], created_at)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(
            f"{path} can't be read: {error}", hint="Put it back from a copy; the backups beside it are untouched."
        ) from error


def claim(root: Path, host_id: str, cluster: str | None, now: datetime) -> Marker:
    """Make sure that the repository is this host's, and make it so if it is nobody's.

    Raises:
        ForeignRepositoryError: if it is another host's, of a newer format, or of another mode.
        BackupError: as the operating system refuses.
    """
    marker = read_marker(root) or _create(root, Marker(str(uuid.uuid4()), host_id, cluster, now))
    refuse_other_host(root, marker, host_id)
    return marker


def refuse_other_host(root: Path, marker: Marker, host_id: str) -> None:
    """Make sure that a marker is this host's.

    Raises:
        ForeignRepositoryError: if it is another host's.
    """
    if marker.host_id != host_id:
        raise ForeignRepositoryError(
            f"The repository {root} belongs to host {marker.host_id}, and this is host {host_id}",
            hint="Give each node a path of its own; {host_id} or {hostname} can stand in it.",
        )


def _create(root: Path, marker: Marker) -> Marker:
    fields = {
        "format_version": FORMAT_VERSION,
        "mode": MODE,
        "repository_id": marker.repository_id,
        "cluster": marker.cluster,
        "host_id": marker.host_id,
        "created_at": timestamp(marker.created_at),
    }
    with temporary_directory(root, "repository") as directory:
        written = directory / layout.MARKER
        write_file(written, json.dumps(fields, indent=2).encode() + b"\n")
        with storage_errors(root / layout.MARKER, "Failed to write"):
            try:
                # Not a rename: of two hosts that come at the same time one must find the other's marker.
                os.link(written, root / layout.MARKER)
            except FileExistsError:
                return read_marker(root) or marker
        sync_directory(root)
    return marker


def _unknown_format(path: Path, fields: dict[str, object]) -> ForeignRepositoryError:
    return ForeignRepositoryError(
        f"{path} has format version {fields['format_version']} in {fields['mode']} mode; "
        f"known here is version {FORMAT_VERSION} in {MODE} mode",
        hint="Use the version of alternator-backup that wrote it, or a newer one; or give the repository another path.",
    )
