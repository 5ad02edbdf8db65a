"""Blocks made in a thread of their own, a few ahead of whoever reads them: to decompress lets go of the interpreter."""

import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from queue import Queue, SimpleQueue
from typing import Self


BLOCKS_WAITING = 4

KEPT_BYTES = 16 << 20

HandOver = Callable[[bytes], None]
"""Takes a block that isn't empty, and waits while enough of them are waiting already."""


class _NobodyReadsError(Exception):
    """Ends whoever makes blocks that nobody will read any more."""


class ReadAhead:
    """Runs in a thread what makes blocks, from the beginning to `close`.

    Args:
        make: called once, in that thread, with what takes its blocks; what it raises, `read` raises.
    """

    def __init__(self, make: Callable[[HandOver], None]) -> None:
        self._make = make
        self._room: Queue[None] = Queue(BLOCKS_WAITING)
        self._made: SimpleQueue[bytes | BaseException] = SimpleQueue()
        self._is_closed = False
        self._has_ended = False
        _keep_freed_memory()
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name="read-ahead", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, blocks: Iterator[bytes]) -> Self:
        """Of an iterator of blocks, none of them empty."""

        def make(hand_over: HandOver) -> None:
            for block in blocks:
                hand_over(block)

        return cls(make)

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
            self._make(self._hand_over)
            end: bytes | BaseException = b""
        except BaseException as error:  # noqa: BLE001  (it is raised again, in the thread that reads)
            end = error
        self._put(end)

    def _hand_over(self, block: bytes) -> None:
        if self._is_closed:
            raise _NobodyReadsError
        self._put(block)

    def _put(self, made: bytes | BaseException) -> None:
        self._room.put(None)
        self._made.put(made)


def _keep_freed_memory() -> None:
    """Have malloc keep what blocks leave, instead of giving it back and taking fresh pages for the next ones.

    glibc keeps up to twice as much as the largest block that was ever mapped and freed (mallopt(3), M_MMAP_THRESHOLD).
    No page of this one is touched; elsewhere it does nothing.
    """
    bytes(KEPT_BYTES)
