"""Removes one backup: a rename takes it off every list at once, and only then its files go.

The rename leads into a temporary directory of ours (`staging`): a crash before it leaves the backup as it was, a crash
after it leaves debris that nothing lists and that the next run removes.
"""

import shutil
from pathlib import Path

from backup_core.durable import sync_directory
from backup_core.repository.holds import read_hold
from backup_core.repository.staging import temporary_directory
from backup_core.storage_errors import storage_errors


def remove_backup(root: Path, location: Path) -> bool:
    """Remove the directory of a backup.

    Args:
        root: the repository.
        location: the directory.

    Returns:
        Whether this did it: not if somebody else has removed the backup before, or holds it.

    Raises:
        BackupError: as the operating system refuses. If that is after the rename, the backup isn't listed any more,
            and the next run removes what is left of it.
    """
    with temporary_directory(root, "removed") as grave:
        moved = grave / location.name
        if not _move(location, moved):
            return False
        # Holds are placed inside: none can come after the rename, and none before it is overlooked.
        if read_hold(moved) is not None:
            _move(moved, location)
            sync_directory(location.parent)
            return False
        # A power cut must not bring back a directory that has lost its files.
        sync_directory(grave)
        sync_directory(location.parent)
        with storage_errors(location, "Failed to remove"):
            shutil.rmtree(moved)
    return True


def _move(source: Path, target: Path) -> bool:
    with storage_errors(source, "Failed to remove"):
        try:
            source.rename(target)
        except FileNotFoundError:
            return False
    return True
