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
    """The marker of a repository in archive mode, or None if there is none.

    Raises:
        ForeignRepositoryError: if it is of a newer format or of another mode.
        StorageError: if it can't be read.
    """
    content = read_file(root / layout.MARKER)
    return None if content is None else parse_marker(content, MODE, str(root / layout.MARKER))


def parse_marker(content: bytes, mode: str, address: str) -> Marker:
    """The marker of such a file.

    Args:
        content: of the file.
        mode: that it has to be of, "archive" or "incremental".
        address: of the file, for messages.

    Raises:
        ForeignRepositoryError: if it is of a newer format or of another mode.
        StorageError: if it can't be read.
    """
    try:
        fields = json.loads(content)
        if (fields["format_version"], fields["mode"]) != (FORMAT_VERSION, mode):
            raise _unknown_format(address, mode, fields)
        created_at = parse_timestamp(fields["created_at"])
        repository_id = str(uuid.UUID(fields["repository_id"]))
        return Marker(repository_id, fields["host_id"], fields["cluster"], created_at)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(
            f"{address} can't be read: {error}", hint="Put it back from a copy; the backups beside it are untouched."
        ) from error


def has_mode(root: Path, mode: str) -> bool:
    """Whether the repository in a directory says that it is of a mode; whoever opens it says what else is wrong.

    Raises:
        BackupError: as the operating system refuses.
    """
    content = read_file(root / layout.MARKER)
    try:
        return content is not None and json.loads(content)["mode"] == mode
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def new_marker(host_id: str, cluster: str | None, now: datetime) -> Marker:
    """The marker of a repository that is being made."""
    return Marker(str(uuid.uuid4()), host_id, cluster, now)


def marker_content(marker: Marker, mode: str) -> bytes:
    """What the file of a marker holds."""
    fields = {
        "format_version": FORMAT_VERSION,
        "mode": mode,
        "repository_id": marker.repository_id,
        "cluster": marker.cluster,
        "host_id": marker.host_id,
        "created_at": timestamp(marker.created_at),
    }
    return json.dumps(fields, indent=2).encode() + b"\n"


def claim(root: Path, host_id: str, cluster: str | None, now: datetime) -> Marker:
    """Make sure that the repository is this host's, and make it so if it is nobody's.

    Raises:
        ForeignRepositoryError: if it is another host's, of a newer format, or of another mode.
        BackupError: as the operating system refuses.
    """
    marker = read_marker(root) or _create(root, new_marker(host_id, cluster, now))
    refuse_other_host(str(root), marker, host_id)
    return marker


def refuse_other_host(address: str, marker: Marker, host_id: str) -> None:
    """Make sure that the marker of the repository at an address is this host's.

    Raises:
        ForeignRepositoryError: if it is another host's.
    """
    if marker.host_id != host_id:
        raise ForeignRepositoryError(
            f"The repository {address} belongs to host {marker.host_id}, and this is host {host_id}",
            hint="Give each node a path of its own; {host_id} or {hostname} can stand in it.",
        )


def _create(root: Path, marker: Marker) -> Marker:
    with temporary_directory(root, "repository") as directory:
        written = directory / layout.MARKER
        write_file(written, marker_content(marker, MODE))
        with storage_errors(root / layout.MARKER, "Failed to write"):
            try:
                # Not a rename: of two hosts that come at the same time one must find the other's marker.
                os.link(written, root / layout.MARKER)
            except FileExistsError:
                return read_marker(root) or marker
        sync_directory(root)
    return marker


def _unknown_format(address: str, mode: str, fields: dict[str, object]) -> ForeignRepositoryError:
    return ForeignRepositoryError(
        f"{address} has format version {fields['format_version']} in {fields['mode']} mode; "
        f"known here is version {FORMAT_VERSION} in {mode} mode",
        hint="Use the version of alternator-backup that wrote it, or a newer one; or give the repository another path.",
    )
