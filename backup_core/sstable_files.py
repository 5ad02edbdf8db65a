"""Files of an SSTable: how they are named, and which of them have to be there."""

import re
from collections.abc import Set as AbstractSet
from typing import NamedTuple


ALWAYS = frozenset({"Data.db", "Digest.crc32", "TOC.txt"})
"""Components that every SSTable of every format has (sstables/sstables.cc)."""

TOC = "TOC.txt"
DATA = "Data.db"
DIGEST = "Digest.crc32"

_COMPONENT = re.compile(r"(?P<prefix>[a-z]{2}-[0-9a-z_]+-[a-z]+)-(?P<component>[A-Za-z0-9_]+\.[a-z0-9]+)", re.ASCII)
"""`<version>-<generation>-<format>-<Component>.<extension>`: me-3g8w_00qf_4pbog2i7h2c7am0uoe-big-Data.db."""

_LOADABLE = re.compile(r"m[a-z]-([0-9]+|[0-9a-z]{4}_[0-9a-z]{4}_[0-9a-z]{18})-big", re.ASCII)
"""What a server takes for an SSTable's name (sstables.cc, generation_type.hh): one other name fails a whole load."""

_CRC32 = re.compile(r"[0-9]{1,10}", re.ASCII)


class ComponentName(NamedTuple):
    """The name of a file of an SSTable, taken apart: what all its files' names start with, and the rest."""

    prefix: str
    component: str


def parse_component(name: str) -> ComponentName | None:
    """Take a file's name apart; None if no SSTable has such a file."""
    match = _COMPONENT.fullmatch(name)
    return ComponentName(match["prefix"], match["component"]) if match else None


def is_loadable(prefix: str) -> bool:
    """Whether a server would take files with that prefix for an SSTable's."""
    return _LOADABLE.fullmatch(prefix) is not None


def wrong_components(prefix: str, listed: AbstractSet[str], present: AbstractSet[str]) -> str | None:
    """What is wrong with an SSTable's files, as the end of a sentence; None if they are what its TOC.txt lists.

    Args:
        prefix: of their names.
        listed: components that its TOC.txt lists; ignored if that isn't there.
        present: components that are there.
    """
    if TOC not in present:
        return f"lacks {prefix}-{TOC}"
    for component in sorted(ALWAYS - listed):
        return f"has {prefix}-{TOC} without {component}: it is cut off"
    for component in sorted(listed - present):
        return f"lacks {prefix}-{component}, which belongs to an SSTable"
    for component in sorted(present - listed):
        return f"has {prefix}-{component}, which isn't in its {TOC}"
    return None


def parse_digest(text: str) -> int:
    """What a Digest.crc32 says: the CRC-32 of the whole Data.db as decimal text (sstables/sstables.cc; recorded).

    Raises:
        ValueError: it is no such number.
    """
    if not _CRC32.fullmatch(text.strip()):
        raise ValueError(f"{text[:20]!r} is no CRC-32")
    return int(text)
