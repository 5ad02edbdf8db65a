"""The disks that a run writes to or pins files on, with what is free and what has to stay so."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backup_core.context import Filling
from backup_core.source_errors import source_errors
from backup_core.storage_errors import storage_errors


@dataclass(frozen=True, slots=True)
class Disk:
    """One of them.

    Attributes:
        path: a directory on it, for messages.
        free_bytes: what this user may still write.
        floor_bytes: what has to stay free.
    """

    path: Path
    free_bytes: int
    floor_bytes: int


def disks_of(context: Filling, directories: Iterable[Path]) -> dict[int, Disk]:
    """The disks of the node's data directories and of all repositories that take space on one, by device.

    Raises:
        BackupError: as the operating system refuses.
    """
    found = {}
    for directory in directories:
        with source_errors(directory):
            found[device_of(directory)] = _disk(context, directory)
    for path in (repository.directory for repository in context.repositories):
        if path is not None:
            with storage_errors(path, "Failed to look at the free space of"):
                found[device_of(path)] = _disk(context, path)
    return found


def _disk(context: Filling, path: Path) -> Disk:
    usage = os.statvfs(path)
    return Disk(path, usage.f_bavail * usage.f_frsize, context.floor.of(usage.f_blocks * usage.f_frsize))


def device_of(path: Path) -> int:
    """The device that a path is on."""
    return path.stat().st_dev
