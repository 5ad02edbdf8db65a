"""How fast the data disk may be read, for all tables of a process together."""

import threading
from time import monotonic

from backup_core.cancel import CancelToken


class Throttle:
    """Makes readers wait, so that together they don't read faster than they may.

    Args:
        bytes_per_second: the most; 0 for no limit.
        cancel: ends the waiting.
    """

    def __init__(self, bytes_per_second: int, cancel: CancelToken) -> None:
        self._bytes_per_second = bytes_per_second
        self._cancel = cancel
        self._lock = threading.Lock()
        self._free_at = monotonic()

    def passed(self, size_bytes: int) -> None:
        """Wait for as long as reading that much may take; idle time before isn't made up for.

        Raises:
            RunCancelledError: the token was set.
        """
        if not self._bytes_per_second:
            return
        with self._lock:
            now = monotonic()
            self._free_at = max(self._free_at, now) + size_bytes / self._bytes_per_second
            wait_seconds = self._free_at - now
        self._cancel.sleep(wait_seconds)
