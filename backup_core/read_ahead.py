"""Blocks made in a thread of their own, a few ahead of whoever reads them: to decompress lets go of the interpreter."""

import threading
from collections.abc import Iterator
from queue import Queue, SimpleQueue


BLOCKS_WAITING = 4

KEPT_BYTES = 16 << 20


class ReadAhead:
    """Runs an iterator of blocks in a thread, from the beginning to `close`.

    Args:
        blocks: none of them empty; what it raises, `read` raises.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._room: Queue[None] = Queue(BLOCKS_WAITING)
        self._made: SimpleQueue[bytes | BaseException] = SimpleQueue()
        self._is_closed = False
        self._has_ended = False
        _keep_freed_memory()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)
        self._thread.start()

    def read(self, _size_bytes: int = -1, /) -> bytes:
        """The next block, however large it is; an empty one at the end, and from then on."""
        if self._has_ended:
            return b""
        made = self._made.get()
        self._room.get()
        if isinstance(made, BaseException):
            self._has_ended = True
            raise made
        self._has_ended = not made
        return made

    def close(self) -> None:
        """End the thread; a second time does nothing."""
        self._is_closed = True
        while self._thread.is_alive():
            if not self._room.empty():
                self._room.get()
            self._thread.join(0.001)

    def _run(self) -> None:
        try:
            for block in self._blocks:
                if self._is_closed:
                    return
                self._hand_over(block)
            self._hand_over(b"")
        except BaseException as error:  # noqa: BLE001  (it is raised again, in the thread that reads)
            self._hand_over(error)

    def _hand_over(self, made: bytes | BaseException) -> None:
        self._room.put(None)
        self._made.put(made)


def _keep_freed_memory() -> None:
    """Have malloc keep what blocks leave, instead of giving it back and taking fresh pages for the next ones.

    glibc keeps up to twice as much as the largest block that was ever mapped and freed (mallopt(3), M_MMAP_THRESHOLD).
    No page of this one is touched; elsewhere it does nothing.
    """
    bytes(KEPT_BYTES)
