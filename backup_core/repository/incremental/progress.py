"""How far the work on a snapshot has come, told by those who work on it at the same time."""

import threading
from collections.abc import Callable

from backup_core.repository.protocol import SnapshotPace


class SharedProgress:
    """One progress for many threads.

    Args:
        pace: hears of it, one call at a time.
    """

    def __init__(self, pace: SnapshotPace) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._done_bytes = 0

    def skip(self, size_bytes: int) -> None:
        """So many bytes needn't be read."""
        with self._lock:
            self._done_bytes += size_bytes
            self._pace.skip(size_bytes)

    def of_reader(self) -> Callable[[int], None]:
        """What hears how much one reader has read so far."""
        heard_bytes = 0

        def on_progress(read_bytes: int) -> None:
            nonlocal heard_bytes
            with self._lock:
                self._done_bytes += read_bytes - heard_bytes
                heard_bytes = read_bytes
                self._pace(self._done_bytes)

        return on_progress
