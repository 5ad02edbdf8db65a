"""One backup of a table at a time: a lock that a dead process can't hold."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, LockHeldError
from backup_core.flock import try_lock
from backup_core.ownership import as_owner_of
from backup_core.storage_errors import storage_errors


LOOK_SECONDS = 0.2
"""So often a table that is held is looked at again."""


class TableLocks:
    """A lock file per table name in a directory of the state directory, there as long as somebody holds it.

    Who waits for several tables asks for them in the order of their names: then two can't wait for each other.

    Args:
        directory: is made when it is first needed.
        wait_seconds: how long to wait for a table that another run has; 0 fails at once.
        cancel: ends the waiting.
    """

    def __init__(self, directory: Path, *, wait_seconds: float = 0.0, cancel: CancelToken | None = None) -> None:
        self._directory = directory
        self._wait_seconds = wait_seconds
        self._cancel = cancel or CancelToken()

    @property
    def directory(self) -> Path:
        """Where the lock files are, or will be."""
        return self._directory

    @contextmanager
    def hold(self, table_name: str) -> Iterator[None]:
        """Hold a table's lock for the block.

        Raises:
            LockHeldError: another run has it, and goes on having it.
            RunCancelledError: the waiting was ended.
            PermissionDeniedError, StorageError: the state directory can't be written.
        """
        path = self._directory / f"{table_name}.lock"
        descriptor = self._acquire(path, table_name)
        try:
            yield
        finally:
            # Held to the end: whoever has opened it by now gets its lock, and sees that the file is gone.
            with suppress(OSError, BackupError), as_owner_of(self._directory):
                path.unlink()
            os.close(descriptor)

    def _acquire(self, path: Path, table_name: str) -> int:
        left_seconds = self._wait_seconds
        while (descriptor := self._try(path)) is None:
            if left_seconds <= 0:
                waited = f" It has been so for {self._wait_seconds:g} seconds." if self._wait_seconds else ""
                raise LockHeldError(
                    f"Table '{table_name}' is being backed up or restored by another run.{waited}",
                    hint="Wait for it to end.",
                    table=table_name,
                )
            self._cancel.sleep(min(left_seconds, LOOK_SECONDS))
            left_seconds -= LOOK_SECONDS
        return descriptor

    def _try(self, path: Path) -> int | None:
        """The locked file, open; None if another process has it."""
        while True:
            # Root's restore must not leave the daemon a lock that it can't take.
            with storage_errors(path, "Failed to lock"), as_owner_of(self._directory):
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            is_ours = try_lock(descriptor)
            if is_ours and _is_at(path, descriptor):
                return descriptor
            os.close(descriptor)
            if not is_ours:
                return None


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one of that path."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
