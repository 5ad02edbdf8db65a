"""What the archive step's progress goes through: told on, slowed down, and ended where a disk gets too full."""

from backup_core.context import Context
from backup_core.floor_guard import FloorGuard


class Pace:
    """The progress of one archive.

    Args:
        context: whose reporter hears of it, and whose throttle it waits for.
        guard: of the run.
        table_name: what is archived.
        total_bytes: how much of it there is.
    """

    def __init__(self, context: Context, guard: FloorGuard, table_name: str, total_bytes: int) -> None:
        self._context = context
        self._guard = guard
        self._table_name = table_name
        self._total_bytes = total_bytes
        self._done_bytes = 0

    def __call__(self, done_bytes: int) -> None:
        """So many bytes have been read so far.

        Raises:
            StorageFullError: a disk has fallen below its floor.
            RunCancelledError: the token was set.
        """
        self._context.reporter.progress(self._table_name, done_bytes, self._total_bytes)
        self._guard.check()
        self._context.throttle.passed(done_bytes - self._done_bytes)
        self._done_bytes = done_bytes
