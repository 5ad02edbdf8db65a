"""One backup of a table at a time: a lock that a dead process can't hold."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup_core.errors import LockHeldError
from backup_core.storage_errors import storage_errors


class TableLocks:
    """A lock file per table name in a directory of the state directory.

    The kernel drops a flock with the process that held it, so nothing is ever left to be deleted by hand.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def hold(self, table_name: str) -> Iterator[None]:
        """Hold a table's lock for the block.

        Raises:
            LockHeldError: another run has it.
            PermissionDeniedError, StorageError: the state directory can't be written.
        """
        path = self._directory / f"{table_name}.lock"
        with storage_errors(path, "Failed to lock"):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockHeldError(
                    f"Table '{table_name}' is being backed up by another run.",
                    hint="Wait for it to end.",
                    table=table_name,
                ) from error
            yield
        finally:
            os.close(descriptor)
