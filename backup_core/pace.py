"""What the progress of storing goes through: told on, slowed down, and ended where a disk gets too full."""

from backup_core.context import Filling
from backup_core.floor_guard import FloorGuard


class Pace:
    """The progress of one table into one repository.

    Args:
        context: whose reporter hears of it, and whose throttle it waits for.
        guard: of the run.
        table_name: what is stored.
        total_bytes: how much of it there is.
    """

    def __init__(self, context: Filling, guard: FloorGuard, table_name: str, total_bytes: int) -> None:
        self._context = context
        self._guard = guard
        self._table_name = table_name
        self._total_bytes = total_bytes
        self._done_bytes = 0

    def __call__(self, done_bytes: int) -> None:
        """So many bytes have been dealt with so far, and what is new since the last call was read.

        Raises:
            StorageFullError: a disk has fallen below its floor.
            RunCancelledError: the token was set.
        """
        self._tell(done_bytes)
        self._guard.check()
        self._context.throttle.passed(done_bytes - self._done_bytes)
        self._done_bytes = done_bytes

    def skip(self, size_bytes: int) -> None:
        """So many more have been dealt with without being read."""
        self._done_bytes += size_bytes
        self._tell(self._done_bytes)

    def _tell(self, done_bytes: int) -> None:
        # What has to be sent again is read again.
        self._context.reporter.progress(self._table_name, min(done_bytes, self._total_bytes), self._total_bytes)
