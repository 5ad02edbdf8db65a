"""Whose incremental repository it is: the marker at the root of its storage."""

from datetime import datetime

from backup_core.errors import NotFoundError, ObjectExistsError
from backup_core.repository.incremental.keys import MARKER
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.marker import Marker, marker_content, new_marker, parse_marker, refuse_other_host
from backup_core.repository.storage.protocol import Content, Storage


MODE = "incremental"


def read_marker(storage: Storage) -> Marker | None:
    """The marker of a storage, or None if there is none.

    Raises:
        ForeignRepositoryError: it is of a newer format or of another mode.
        StorageError: it can't be read.
        BackupError: as the store refuses.
    """
    content = read_object(storage, MARKER)
    return None if content is None else parse_marker(content, MODE, f"{storage.address}/{MARKER}")


def claim(storage: Storage, host_id: str, cluster: str | None, now: datetime) -> Marker:
    """Make sure that a storage is this host's, and make it so if it is nobody's.

    Raises:
        ForeignRepositoryError: it is another host's, of a newer format, or of another mode.
        BackupError: as the store refuses.
    """
    try:
        found = read_marker(storage)
    except NotFoundError:
        # A directory is made by the first put; a bucket that isn't there makes it fail.
        found = None
    marker = found or _create(storage, new_marker(host_id, cluster, now))
    refuse_other_host(storage.address, marker, host_id)
    return marker


def _create(storage: Storage, marker: Marker) -> Marker:
    try:
        storage.put(MARKER, Content.of(marker_content(marker, MODE)), if_absent=True)
    except ObjectExistsError:
        # Of two that come at the same time one must find the other's marker.
        return read_marker(storage) or marker
    return marker
