"""One daemon for each state directory: a lock that a dead process can't hold."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup_core.errors import LockHeldError
from backup_core.flock import is_file_held, try_lock
from backup_core.storage_errors import storage_errors


LOCK_NAME = "daemon.lock"

LOOK_SECONDS = 0.5
"""For so long the lock may be taken by somebody who only looks."""

_POLL_SECONDS = 0.05


@contextmanager
def service_lock(state_directory: Path) -> Iterator[None]:
    """Hold the daemon's lock for the block.

    Raises:
        LockHeldError: another daemon has it.
        PermissionDeniedError, StorageError: the state directory can't be written.
    """
    path = state_directory / LOCK_NAME
    with storage_errors(path, "Failed to lock"):
        state_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor):
            raise LockHeldError(
                f"Another daemon works with the state directory {state_directory}.",
                hint="Stop it first, or give this one a state.directory of its own.",
            )
        yield
    finally:
        os.close(descriptor)


def service_running(state_directory: Path) -> bool:
    """Whether a daemon has the lock; False where there never was one, or this user may not look."""
    return is_file_held(state_directory / LOCK_NAME)


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + LOOK_SECONDS
    while not try_lock(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
