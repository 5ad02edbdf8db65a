"""Reading a tar archive that the predecessor has made: `tar czf ... -C DIRECTORY .`, by whatever tar there was.

It differs from ours in the directory `./` before its files, in its files' owners, and where tar is another one in the
form of its long names. Everything else that a tar can hold has no place in a backup, and is refused.
"""

import os
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from backup_core.archive_reader import ArchiveMember, member_content, parsed
from backup_core.errors import IntegrityError
from backup_core.plain_stream import PlainStream
from backup_core.tar_format import (
    BLOCK_BYTES,
    LONGEST_NAME_BYTES,
    NAME_BYTES,
    has_checksum,
    not_regular,
    parse_number,
    plain_name,
)


MOST_EXTENSION_BYTES = 64 << 10
"""Of what stands before a member's header: names, and times with fractions."""
MOST_EXTENSIONS = 4

_POSIX_MAGIC = b"ustar\x0000"
_MAGICS = (b"ustar  \0", _POSIX_MAGIC)
_REGULAR = (b"0", b"\0")
_HERE = (b".", b"./")
_MOST_DIGITS = 15


class _Extended(NamedTuple):
    """What the extensions before a header say of the member; None where they say nothing."""

    name: bytes | None = None
    size_bytes: int | None = None


def read_legacy_members(plain: PlainStream) -> Iterator[ArchiveMember]:
    """Each file in the archive's order, without the `./` before its name; content that wasn't read is skipped.

    Raises:
        IntegrityError: the archive is cut short or damaged, or holds anything but regular files with plain names.
    """
    while (header := plain.exactly(BLOCK_BYTES)).strip(b"\0"):
        member = _member(plain, header)
        if member is not None:
            yield member
            for _ in member.chunks:
                pass


def _member(plain: PlainStream, header: bytes) -> ArchiveMember | None:
    """The member of a header, with the extensions that stand before it; None for the directory itself."""
    extended = _Extended()
    for _ in range(MOST_EXTENSIONS):
        kind, size_bytes = parsed(plain, _kind_and_size, header)
        if kind not in _EXTENSIONS:
            named = parsed(plain, partial(_name_and_size, extended), header)
            return named and ArchiveMember(*named, member_content(plain, named[1]))
        if size_bytes > MOST_EXTENSION_BYTES:
            raise plain.damaged(f"{size_bytes} bytes stand before a header")
        extended = parsed(plain, partial(_EXTENSIONS[kind], extended), b"".join(member_content(plain, size_bytes)))
        header = plain.exactly(BLOCK_BYTES)
    raise plain.damaged("too much stands before a header")


def _kind_and_size(header: bytes) -> tuple[bytes, int]:
    if header[257:265] not in _MAGICS or not has_checksum(header):
        raise IntegrityError("no tar header where one should be")
    return header[156:157], parse_number(header[124:136])


def _name_and_size(extended: _Extended, header: bytes) -> tuple[str, int] | None:
    kind, size_bytes = _kind_and_size(header)
    raw_name = _own_name(header) if extended.name is None else extended.name
    if kind == b"5" and raw_name in _HERE and size_bytes == 0:
        return None
    if kind not in _REGULAR:
        raise not_regular(raw_name, kind)
    if len(raw_name) > LONGEST_NAME_BYTES:
        raise IntegrityError("a name is too long")
    name = plain_name(raw_name.removeprefix(b"./"))
    return name, size_bytes if extended.size_bytes is None else extended.size_bytes


def _own_name(header: bytes) -> bytes:
    name = header[:NAME_BYTES].split(b"\0", 1)[0]
    before = header[345:500].split(b"\0", 1)[0] if header[257:265] == _POSIX_MAGIC else b""
    return before + b"/" + name if before else name


def _long_name(extended: _Extended, content: bytes) -> _Extended:
    return extended._replace(name=content.split(b"\0", 1)[0])


def _records(extended: _Extended, content: bytes) -> _Extended:
    """The records of a POSIX extension: `27 mtime=1733313018.1234`, each with its length before it."""
    while content:
        digits = content[:_MOST_DIGITS].partition(b" ")[0]
        length = _count(digits)
        if not len(digits) < length <= len(content):
            raise IntegrityError("an extension of a header is damaged")
        key, _, value = content[len(digits) + 1 : length - 1].partition(b"=")
        content = content[length:]
        if key == b"path":
            extended = extended._replace(name=value)
        elif key == b"size":
            extended = extended._replace(size_bytes=_count(value))
        elif key.startswith(b"GNU.sparse") or key == b"linkpath":
            raise IntegrityError(f"a member has a {os.fsdecode(key)}: it is no plain file")
    return extended


def _count(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > _MOST_DIGITS:
        raise IntegrityError("an extension of a header is damaged")
    return int(digits)


_EXTENSIONS = {b"L": _long_name, b"x": _records, b"g": _records}
