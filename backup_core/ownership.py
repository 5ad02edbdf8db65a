"""Who root works as in a directory of the daemon's: what it wrote there as itself, the daemon could not change."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup_core.ancestor import existing_ancestor
from backup_core.identity import Owner, acting_as
from backup_core.storage_errors import storage_errors


@contextmanager
def as_owner_of(directory: Path) -> Iterator[None]:
    """For root: be the owner of a directory for the block, so that a link in it leads no further than the owner could.

    Args:
        directory: of the nearest one above it, if it isn't there yet.

    Raises:
        PermissionDeniedError: this root may not become somebody else.
    """
    if os.geteuid() != 0:
        yield
        return
    with storage_errors(directory, "Failed to look at"):
        status = existing_ancestor(directory).stat()
    with acting_as(Owner(status.st_uid, status.st_gid), directory):
        yield
