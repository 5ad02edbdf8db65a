"""Reading an archive back: its members as they come, and none that isn't a plain file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from backup_core.errors import IntegrityError
from backup_core.plain_blocks import PlainBlocks
from backup_core.tar_format import BLOCK_BYTES, padding, parse_header, plain_name


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file in an archive.

    Attributes:
        name: plain, without any directory.
        chunks: its content, which can be read once, and only until the next member is asked for.
    """

    name: str
    size_bytes: int
    chunks: Iterator[bytes]


def read_members(plain: PlainBlocks) -> Iterator[ArchiveMember]:
    """Each member in the archive's order; content that wasn't read is skipped.

    Raises:
        IntegrityError: the archive is cut short or damaged, or a member isn't a regular file with a plain name.
    """
    while (header := plain.exactly(BLOCK_BYTES)).strip(b"\0"):
        name, size_bytes = _name_and_size(plain, header)
        chunks = member_content(plain, size_bytes)
        yield ArchiveMember(name, size_bytes, chunks)
        for _ in chunks:
            pass


def _name_and_size(plain: PlainBlocks, header: bytes) -> tuple[str, int]:
    member = parsed(plain, parse_header, header)
    if member.name is not None:
        return member.name, member.size_bytes
    raw_name = b"".join(member_content(plain, member.size_bytes)).removesuffix(b"\0")
    following = parsed(plain, parse_header, plain.exactly(BLOCK_BYTES))
    if following.name is None:
        raise plain.damaged("a long name stands before another")
    return parsed(plain, plain_name, raw_name), following.size_bytes


def parsed(plain: PlainBlocks, parse: Callable[[bytes], T], raw: bytes) -> T:
    """What `parse` makes of `raw`.

    Raises:
        IntegrityError: as `parse` does, with the archive's name.
    """
    try:
        return parse(raw)
    except IntegrityError as error:
        raise plain.damaged(error.message) from error


def member_content(plain: PlainBlocks, size_bytes: int) -> Iterator[bytes]:
    """The next `size_bytes` in pieces, and past their padding.

    Raises:
        IntegrityError: there aren't as many.
    """
    left = size_bytes
    while left:
        chunk = plain.up_to(left)
        if not chunk:
            raise plain.damaged("it ends within a file")
        left -= len(chunk)
        yield chunk
    plain.exactly(len(padding(size_bytes)))
