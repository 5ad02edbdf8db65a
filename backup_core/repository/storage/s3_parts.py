"""Content cut into parts, each held in memory until it is sent."""

import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from backup_core.repository.storage.protocol import Content
from backup_core.repository.storage.s3_part_memory import PartBuffer, PartMemory


PART_BYTES = 16 << 20

_PLANNED_PARTS = 9_000
"""Stores take 10,000; what grows while it is compressed or encrypted may need some more than planned."""


class PartBody:
    """The content of a part, as a file that is read in small pieces.

    A body of bytes would go to the socket with one call, which has to end within a timeout however slow the line is.

    Attributes:
        content: all of it.
    """

    def __init__(self, buffer: PartBuffer, size_bytes: int) -> None:
        self.content = memoryview(buffer)[:size_bytes]
        self._at = 0

    def read(self, size_bytes: int = -1) -> bytes:
        """What comes next."""
        end = self._at + size_bytes if size_bytes >= 0 else len(self.content)
        block = bytes(self.content[self._at : end])
        self._at += len(block)
        return block

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to where it is read next."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self.content)}[whence]
        return self._at

    def tell(self) -> int:
        """Where it is read next."""
        return self._at

    def close(self) -> None:
        """Let go of its memory; whoever still reads it fails."""
        self.content.release()


@dataclass(slots=True)
class Part:
    """A piece of an object. Who has it gives its memory back by closing it, or by leaving its block.

    Attributes:
        number: from 1 on.
        is_last: nothing comes after it.
    """

    number: int
    body: PartBody
    size_bytes: int
    is_last: bool
    _memory: PartMemory = field(repr=False)
    _buffer: PartBuffer | None = field(repr=False)

    def close(self) -> None:
        """Give its memory back; a second time does nothing."""
        buffer, self._buffer = self._buffer, None
        if buffer is not None:
            self.body.close()
            self._memory.give_back(buffer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def part_size_bytes(content: Content, least_bytes: int) -> int:
    """How large its parts are: the same whenever it is put, so that what was sent can be known again."""
    needed_bytes = -(-content.most_bytes // _PLANNED_PARTS)
    return max(least_bytes, -(-needed_bytes >> 20) << 20)


def parts_of(content: Content, size_bytes: int, memory: PartMemory) -> Generator[Part, None, None]:
    """The parts of an object, each when there is memory for it; of an empty one a single empty part.

    Args:
        content: what is cut.
        size_bytes: of every part but the last.
        memory: for the parts, until they are closed.

    Raises:
        RunCancelledError: the wait for memory was cancelled.
        BackupError: whatever the content's blocks raise.
    """
    with content.opened() as blocks:
        cut = _Cut(blocks)
        number = 0
        while not cut.is_at_end:
            buffer = memory.take(size_bytes)
            try:
                filled_bytes = cut.fill(buffer, size_bytes)
            except BaseException:
                memory.give_back(buffer)
                raise
            number += 1
            yield Part(number, PartBody(buffer, filled_bytes), filled_bytes, cut.is_at_end, memory, buffer)


class _Cut:
    """Blocks of any size, taken in pieces of another."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.is_at_end = False
        self._blocks = blocks
        self._rest = memoryview(b"")

    def fill(self, buffer: PartBuffer, size_bytes: int) -> int:
        """Fill a buffer with what comes next; how much that is."""
        at_bytes = 0
        while self._rest or self._read():
            taken = self._rest[: size_bytes - at_bytes]
            if not taken:
                break
            buffer[at_bytes : at_bytes + len(taken)] = taken
            self._rest, at_bytes = self._rest[len(taken) :], at_bytes + len(taken)
        return at_bytes

    def _read(self) -> bool:
        block = next(self._blocks, None)
        self.is_at_end = block is None
        self._rest = memoryview(block or b"")
        return block is not None
