"""Looks while a run archives whether a disk has fallen below its floor, whoever has filled it."""

import threading
from collections.abc import Sequence
from pathlib import Path

from backup_core.context import Filling
from backup_core.disks import Disk, disks_of
from backup_core.errors import StorageFullError
from backup_core.sizes import human_size


CHECK_SECONDS = 1.0


class FloorGuard:
    """The guard of one run. Once a floor was crossed it lets nothing more of the run through.

    Args:
        context: where the repositories are, and how much stays free.
        directories: the node's data directories.
    """

    def __init__(self, context: Filling, directories: Sequence[Path]) -> None:
        self._context = context
        self._directories = directories
        self._lock = threading.Lock()
        self._checked_at = context.clock.monotonic()
        self._crossed: Disk | None = None

    def check(self) -> None:
        """Look, though not more often than every `CHECK_SECONDS`.

        Raises:
            StorageFullError: a disk is, or was in this run, below its floor.
            StorageError, PermissionDeniedError: it can't be looked at.
        """
        with self._lock:
            now = self._context.clock.monotonic()
            if self._crossed is None and now - self._checked_at >= CHECK_SECONDS:
                self._checked_at = now
                found = disks_of(self._context, self._directories).values()
                self._crossed = next((disk for disk in found if disk.free_bytes < disk.floor_bytes), None)
            crossed = self._crossed
        if crossed is not None:
            raise StorageFullError(
                f"The disk of {crossed.path} has {human_size(crossed.free_bytes)} left, and "
                f"{self._context.floor.told(crossed.floor_bytes)} has to stay free: the run was stopped.",
                hint="Free up disk space; nothing of this run is left there.",
            )
