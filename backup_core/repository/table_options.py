"""What a table's DDL says after WITH: options that DescribeTable doesn't tell."""

import re
from collections.abc import Mapping


_MAP_OPTION = re.compile(r"(?:WITH|AND)\s+(?P<name>\w+)\s*=\s*\{(?P<entries>[^{}]*)\}", re.IGNORECASE)
_ENTRY = re.compile(r"'(?P<key>[^']*)'\s*:\s*'(?P<value>[^']*)'")
"""ScyllaDB prints values as they are, without doubling quotes (schema.cc, map_as_cql_param)."""

TAGS = "scylla_tags"
STREAM = "cdc"
_ENCRYPTION = "scylla_encryption_options"
_COMPRESSION = "compression"


def map_options(ddl: str) -> Mapping[str, Mapping[str, str]]:
    """Options of a CREATE statement whose value is a map, by their names."""
    return {
        option["name"].lower(): {entry["key"]: entry["value"] for entry in _ENTRY.finditer(option["entries"])}
        for option in _MAP_OPTION.finditer(ddl)
    }


def compressor(ddl: str) -> str | None:
    """The compressor of a table's SSTables, without the package that it once was in; None if the DDL doesn't tell."""
    name = map_options(ddl).get(_COMPRESSION, {}).get("sstable_compression")
    return name.rpartition(".")[2] if name else None


def is_encrypted(ddl: str) -> bool:
    """Whether a table's SSTables are encrypted at rest (2025.1 and later, and Enterprise)."""
    return bool(map_options(ddl).get(_ENCRYPTION))
