"""Memory for parts: of all puts together no more than they may take, and always the same.

Pieces of many MiB that come and go leave an allocator with holes that it gives back to nobody: these are kept.
"""

import mmap
import threading

from backup_core.cancel import POLL_SECONDS, CancelToken


PartBuffer = mmap.mmap
"""As large as a part can be; what isn't written to takes no memory."""


class PartMemory:
    """Gives a buffer to who wants to fill a part, as long as there is room.

    Args:
        part_bytes: of a usual part.
        parts: so many usual parts can be held; a single larger one gets all of it.
        cancel: ends the waiting.
    """

    def __init__(self, part_bytes: int, parts: int, cancel: CancelToken) -> None:
        self._part_bytes = part_bytes
        self._most_bytes = part_bytes * parts
        self._cancel = cancel
        self._taken_bytes = 0
        self._free: list[PartBuffer] = []
        self._changed = threading.Condition()

    def take(self, size_bytes: int) -> PartBuffer:
        """Wait for a buffer of that size, or a larger one.

        Raises:
            RunCancelledError: the token was set.
        """
        taken_bytes = max(size_bytes, self._part_bytes)
        with self._changed:
            while self._taken_bytes and self._taken_bytes + taken_bytes > self._most_bytes:
                self._cancel.raise_if_set()
                self._changed.wait(POLL_SECONDS)
            self._taken_bytes += taken_bytes
            if taken_bytes == self._part_bytes and self._free:
                return self._free.pop()
            if taken_bytes > self._part_bytes:
                self._free.clear()
        return PartBuffer(-1, taken_bytes)

    def give_back(self, buffer: PartBuffer) -> None:
        """Say that a buffer is no longer looked at."""
        with self._changed:
            self._taken_bytes -= len(buffer)
            if len(buffer) == self._part_bytes:
                self._free.append(buffer)
            self._changed.notify_all()

    def clear(self) -> None:
        """Keep nothing that isn't in use."""
        with self._changed:
            self._free.clear()
