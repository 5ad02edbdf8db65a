"""The options of what is behind an Alternator table, as DESCRIBE and system_schema both tell them."""

from dataclasses import dataclass, field

from sandbox.catalog import Stream, Table
from sandbox.column_families import ColumnFamily
from sandbox.version import ServerVersion


SYNCHRONOUS_VIEW_UPDATES_TAG = "system:synchronous_view_updates"

_TEN_DAYS_SECONDS = 10 * 24 * 3600
_LOG_TTL_SECONDS = 24 * 3600

# How a stream's view type becomes the CDC options preimage and postimage.
_IMAGES = {
    "KEYS_ONLY": ("false", "false"),
    "NEW_IMAGE": ("false", "true"),
    "OLD_IMAGE": ("full", "false"),
    "NEW_AND_OLD_IMAGES": ("full", "true"),
}


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Options that differ between column families; the others are the same everywhere.

    Attributes:
        extensions: `scylla_tags` and `cdc`, where the column family has them.
    """

    compression: dict[str, str]
    compaction: dict[str, str]
    caching: dict[str, str] = field(default_factory=lambda: {"keys": "ALL", "rows_per_partition": "ALL"})
    comment: str = ""
    gc_grace_seconds: int = _TEN_DAYS_SECONDS
    extensions: dict[str, dict[str, str]] = field(default_factory=dict)


def table_options(family: ColumnFamily, version: ServerVersion) -> TableOptions:
    """The options of a column family."""
    compression = {"sstable_compression": version.compressor}
    compaction = {"class": version.compaction_strategy}
    if family.kind == "log":
        return _log_options(family, compression)
    if family.kind == "paxos":
        comment = f"Paxos state for {family.keyspace}.{family.table.name}"
        return TableOptions(compression, compaction, comment=comment, gc_grace_seconds=0)
    if family.index is not None:
        return TableOptions(compression, compaction, extensions={"scylla_tags": family.index.tags})
    extensions = {"scylla_tags": family.table.tags}
    if family.table.stream is not None:
        extensions["cdc"] = _cdc(family.table.stream)
    return TableOptions(compression, compaction, extensions=extensions)


def initial_tablets(table: Table, version: ServerVersion) -> int:
    """How many tablets the table's tag asked for; 0 leaves it to the server."""
    asked = table.tags.get(version.tablets_tag, "")
    return int(asked) if asked.isdecimal() else 0


def _log_options(family: ColumnFamily, compression: dict[str, str]) -> TableOptions:
    return TableOptions(
        compression,
        compaction={
            "class": "TimeWindowCompactionStrategy",
            "compaction_window_size": "60",
            "compaction_window_unit": "MINUTES",
            "expired_sstable_check_frequency_seconds": "1800",
        },
        caching={"enabled": "false", "keys": "NONE", "rows_per_partition": "NONE"},
        comment=f"CDC log for {family.keyspace}.{family.table.name}",
        gc_grace_seconds=0,
    )


def _cdc(stream: Stream) -> dict[str, str]:
    preimage, postimage = _IMAGES[stream.view_type] if stream.enabled else ("false", "false")
    return {
        "delta": "keys" if stream.enabled else "full",
        "enabled": str(stream.enabled).lower(),
        "postimage": postimage,
        "preimage": preimage,
        "ttl": str(_LOG_TTL_SECONDS),
    }
