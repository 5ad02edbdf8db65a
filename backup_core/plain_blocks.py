"""A plain stream that comes in blocks, read in whatever pieces are wanted."""

from abc import ABC, abstractmethod

from backup_core.errors import IntegrityError


class PlainBlocks(ABC):
    """Such a stream, read once from its beginning; who inherits says where its blocks come from."""

    def __init__(self) -> None:
        self._block = b""
        self._offset = 0

    @abstractmethod
    def damaged(self, reason: str) -> IntegrityError:
        """What to raise where the stream isn't what it should be."""

    @abstractmethod
    def _next_block(self) -> bytes:
        """The next block, however large it is; an empty one at the end."""

    def exactly(self, size_bytes: int) -> bytes:
        """The next `size_bytes`.

        Raises:
            IntegrityError: there aren't as many, or they can't be had.
        """
        parts = []
        while size_bytes and (part := self.up_to(size_bytes)):
            parts.append(part)
            size_bytes -= len(part)
        if size_bytes:
            raise self.damaged("it ends before its end mark")
        return b"".join(parts)

    def up_to(self, size_bytes: int) -> bytes:
        """Some of the next bytes, `size_bytes` at most; none at the end.

        Raises:
            IntegrityError: they can't be had.
        """
        if self._offset == len(self._block):
            self._block, self._offset = self._next_block(), 0
        part = self._block[self._offset : self._offset + size_bytes]
        self._offset += len(part)
        return part

    def read_padding(self, block_bytes: int) -> None:
        """Read what is left behind the end mark, down to the last byte.

        Raises:
            IntegrityError: there is anything but zeros, or it can't be had.
        """
        while block := self.up_to(block_bytes):
            if block.strip(b"\0"):
                raise self.damaged("there is something behind its end mark")
