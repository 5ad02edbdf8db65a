"""Headers of tar archives as GNU tar writes them, for plain regular files, and nothing else.

The standard library's `tarfile` isn't used: it takes 20 microseconds a header, which with ten thousand small files is
more than everything else, and in reading it forgives and follows much that has no place in a backup.
Field offsets: GNU tar's manual, "Basic Tar Format".
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from backup_core.errors import IntegrityError
from backup_core.model import SourceFile


BLOCK_BYTES = 512
RECORD_BYTES = 20 * BLOCK_BYTES
LONGEST_NAME_BYTES = 4096

NAME_BYTES = 100
_LONG_NAME = b"././@LongLink"
_MAGIC = b"ustar  \0"
_OWNER = b"0000644\x000000000\x000000000\x00"
_BLANK_CHECKSUM = b" " * 8
_AFTER_KIND = (bytes(100) + _MAGIC).ljust(BLOCK_BYTES - 157, b"\0")
_CONSTANT_SUM = sum(_OWNER) + sum(_BLANK_CHECKSUM) + sum(_MAGIC)
_LARGEST_OCTAL = 8**11 - 1
_BASE_256 = 0x80
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"5": "a directory",
    b"6": "a pipe",
}


@dataclass(frozen=True, slots=True)
class MemberHeader:
    """What a header says.

    Attributes:
        name: of a regular file; None where the content is itself the name of the member that follows.
        size_bytes: of the content, without its padding.
    """

    name: str | None
    size_bytes: int


def member_header(name: str, size_bytes: int, modified_at: int) -> bytes:
    """What stands before a file's content: mode 0644, owner 0; equal arguments give equal bytes.

    Args:
        name: a plain file name.
        size_bytes: of any size; above 8 GiB in GNU's binary form.
        modified_at: Unix time in whole seconds.
    """
    raw = _encoded(name)
    if len(raw) <= NAME_BYTES:
        return _header(raw, size_bytes, modified_at, b"0")
    long_name = raw + b"\0"
    return b"".join(
        (
            _header(_LONG_NAME, len(long_name), 0, b"L"),
            long_name,
            padding(len(long_name)),
            _header(raw[:NAME_BYTES], size_bytes, modified_at, b"0"),
        )
    )


def padding(size_bytes: int) -> bytes:
    """The zeros that fill a content's last block."""
    return bytes(-size_bytes % BLOCK_BYTES)


def end_of_archive(size_bytes: int) -> bytes:
    """What ends a stream of `size_bytes`: two blocks of zeros, and on to a whole record, as GNU tar does."""
    return bytes(2 * BLOCK_BYTES + -(size_bytes + 2 * BLOCK_BYTES) % RECORD_BYTES)


def stream_size_bytes(files: Iterable[SourceFile]) -> int:
    """Size of the tar stream that holds `files`."""
    size_bytes = sum(_header_bytes(file.name) + file.size_bytes + -file.size_bytes % BLOCK_BYTES for file in files)
    return size_bytes + len(end_of_archive(size_bytes))


def parse_header(block: bytes) -> MemberHeader:
    """Read a header that `member_header` may have written.

    Args:
        block: 512 bytes.

    Raises:
        IntegrityError: if it is anything else, such as a link, a device or a path.
    """
    if block[257:265] != _MAGIC or not has_checksum(block):
        raise IntegrityError("no tar header where one should be")
    kind, name = block[156:157], block[:NAME_BYTES].split(b"\0", 1)[0]
    size_bytes = parse_number(block[124:136])
    if kind == b"L" and name == _LONG_NAME and 0 < size_bytes <= LONGEST_NAME_BYTES:
        return MemberHeader(None, size_bytes)
    if kind != b"0":
        raise not_regular(name, kind)
    return MemberHeader(plain_name(name), size_bytes)


def has_checksum(block: bytes) -> bool:
    """Whether a header's checksum is its own.

    Raises:
        IntegrityError: it has none.
    """
    return parse_number(block[148:156]) == sum(block) - sum(block[148:156]) + sum(_BLANK_CHECKSUM)


def not_regular(raw_name: bytes, kind: bytes) -> IntegrityError:
    """What to raise for a member that isn't a regular file."""
    return IntegrityError(f"{os.fsdecode(raw_name)!r} is {_KINDS.get(kind, 'of another kind')}, not a regular file")


def plain_name(raw: bytes) -> str:
    """A member's name, which must be that of a file in the same directory.

    Raises:
        IntegrityError: if it leads elsewhere.
    """
    name = os.fsdecode(raw)
    if not raw or b"/" in raw or b"\0" in raw or raw in {b".", b".."}:
        raise IntegrityError(f"{name!r} is not a plain file name")
    return name


def _encoded(name: str) -> bytes:
    return name.encode() if name.isascii() else os.fsencode(name)


def _header_bytes(name: str) -> int:
    raw_bytes = len(_encoded(name))
    if raw_bytes <= NAME_BYTES:
        return BLOCK_BYTES
    return 2 * BLOCK_BYTES + raw_bytes + 1 + -(raw_bytes + 1) % BLOCK_BYTES


def _header(raw_name: bytes, size_bytes: int, modified_at: int, kind: bytes) -> bytes:
    numbers, sum_of_numbers = _numbers(size_bytes, modified_at)
    checksum = sum(raw_name) + sum_of_numbers + kind[0] + _CONSTANT_SUM
    return b"%b%b%b%06o\0 %b%b" % (raw_name.ljust(NAME_BYTES, b"\0"), _OWNER, numbers, checksum, kind, _AFTER_KIND)


@lru_cache(maxsize=256)  # the many small files of a table are of few sizes and few moments
def _numbers(size_bytes: int, modified_at: int) -> tuple[bytes, int]:
    numbers = _field(size_bytes) + _field(modified_at)
    return numbers, sum(numbers)


def _field(number: int) -> bytes:
    if 0 <= number <= _LARGEST_OCTAL:
        return b"%011o\0" % number
    return (number % 256**12 | _BASE_256 << 88).to_bytes(12)


def parse_number(field: bytes) -> int:
    """A header's number, in octal digits or GNU's binary form.

    Raises:
        IntegrityError: it is none.
    """
    if field[0] == _BASE_256:
        return int.from_bytes(field[1:])
    digits = field.strip(b" \0") or b"0"
    if digits.translate(None, b"01234567"):
        raise IntegrityError("no tar header where one should be")
    return int(digits, 8)
