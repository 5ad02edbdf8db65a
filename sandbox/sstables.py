"""SSTable-like sets of files: real names and all components, a true digest, and rows in a format of our own."""

import json
import re
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.rows import Row
from sandbox.sstable_data import WrittenSchema, encode
from sandbox.tokens import MAXIMUM, MINIMUM


# In the order of the real TOC.txt, which is also that of its lines.
COMPONENTS = (
    "Scylla.db",
    "CompressionInfo.db",
    "Filter.db",
    "Data.db",
    "Summary.db",
    "Index.db",
    "Digest.crc32",
    "Statistics.db",
    "TOC.txt",
)

# Nobody reads these here; the sizes are those of small real ones, so that snapshots take as much space.
_FILLER_SIZES = {"Scylla.db": 359, "CompressionInfo.db": 66, "Filter.db": 512, "Summary.db": 53, "Statistics.db": 4900}

_NAME = re.compile(
    r"(?P<prefix>m[cdest]-(?P<generation>[0-9a-z]{4}_[0-9a-z]{4}_[0-9a-z]{18}|\d+)-big-)(?P<component>[\w.]+)"
)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TICKS_PER_SECOND = 10**7


@dataclass(frozen=True, slots=True)
class SSTable:
    """One SSTable in a directory, with what a snapshot's manifest tells of it.

    Attributes:
        id: its identifier, which its generation spells in another way.
        prefix: what the names of its files start with, `me-<generation>-big-`.
        data_size_bytes: size of its data before compression.
        index_size_bytes: size of its index.
        first_token, last_token: the range of its partitions.
    """

    id: uuid.UUID
    prefix: str
    data_size_bytes: int
    index_size_bytes: int
    first_token: int
    last_token: int

    def files(self, directory: Path) -> list[Path]:
        """Its files that are in the directory now, TOC.txt last, as the server writes and links them."""
        paths = (directory / (self.prefix + component) for component in COMPONENTS)
        return [path for path in paths if path.exists()]


def write_sstable(directory: Path, schema: WrittenSchema, rows: Sequence[tuple[int, Row]]) -> SSTable:
    """Write the rows, given with their tokens, as a new SSTable into a directory.

    Returns:
        The new SSTable, all of whose files are there.
    """
    ordered = sorted(rows, key=lambda row: row[0])
    data, data_size_bytes = encode(schema, (row for _, row in ordered))
    index = "".join(f"{row_token}\n" for row_token in sorted({row_token for row_token, _ in ordered})).encode()
    contents = {name: name.encode().ljust(size, b"\0") for name, size in _FILLER_SIZES.items()} | {
        "Data.db": data,
        "Index.db": index,
        "Digest.crc32": str(zlib.crc32(data)).encode(),
        "TOC.txt": "".join(f"{component}\n" for component in COMPONENTS).encode(),
    }
    identifier = uuid.uuid1()
    prefix = f"me-{generation(identifier)}-big-"
    for component in COMPONENTS:
        write_file(directory / (prefix + component), contents[component])
    return SSTable(identifier, prefix, data_size_bytes, len(index), ordered[0][0], ordered[-1][0])


def write_file(path: Path, content: bytes) -> None:
    """Write a file with the mode that the server's files have, whatever our umask is."""
    path.write_bytes(content)
    path.chmod(0o644)


def generation(identifier: uuid.UUID) -> str:
    """A time-based id as the names of SSTables spell it: days, seconds, ticks of 100 ns, and the rest, in base 36."""
    seconds, ticks = divmod(identifier.time, _TICKS_PER_SECOND)
    days, seconds = divmod(seconds, 24 * 60 * 60)
    low = identifier.int & (2**64 - 1)
    return f"{_base36(days, 4)}_{_base36(seconds, 4)}_{_base36(ticks, 5)}{_base36(low, 13)}"


def sstable_prefix(name: str) -> str | None:
    """What the names of an SSTable's files start with, None if this is not the name of one of them."""
    match = _NAME.fullmatch(name)
    return None if match is None else match["prefix"]


def adopt_sstables(directory: Path) -> list[SSTable]:
    """The SSTables of others' making in a directory.

    Where the directory has no manifest.json that tells more (up to 2025.4 it never does), sizes are those of the
    files, and the tokens the whole range.
    """
    manifest = directory / "manifest.json"
    told = json.loads(manifest.read_text()).get("sstables", []) if manifest.exists() else []
    by_name = {entry["toc_name"]: entry for entry in told}
    matches = filter(None, (_NAME.fullmatch(path.name) for path in sorted(directory.iterdir())))
    return [_adopted(directory, match, by_name) for match in matches if match["component"] == "TOC.txt"]


def _adopted(directory: Path, match: re.Match[str], by_name: dict[str, Any]) -> SSTable:
    prefix = match["prefix"]
    told = by_name.get(match.string, {})
    return SSTable(
        _identifier(match["generation"]),
        prefix,
        told.get("data_size", (directory / f"{prefix}Data.db").stat().st_size),
        told.get("index_size", (directory / f"{prefix}Index.db").stat().st_size),
        told.get("first_token", MINIMUM + 1),
        told.get("last_token", MAXIMUM),
    )


def _identifier(spelling: str) -> uuid.UUID:
    """The id that a generation spells; integers, which have none, get one of their own."""
    if "_" not in spelling:
        return uuid.uuid1()
    days, seconds, rest = spelling.split("_")
    ticks = (int(days, 36) * 24 * 60 * 60 + int(seconds, 36)) * _TICKS_PER_SECOND + int(rest[:5], 36)
    fields = (ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) | 0x1000)
    return uuid.UUID(int=fields[0] << 96 | fields[1] << 80 | fields[2] << 64 | int(rest[5:], 36))


def _base36(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(width, "0")
