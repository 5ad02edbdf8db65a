"""What will not be as it was, and what the restore does about each: the table in a plan."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backup_core.repository.create_table import WRITE_ISOLATION_TAG
from backup_core.restore.hash_only import doubtful_sort_keys
from backup_core.restore.model import BackupSource, Difference, RestoreOptions, TableDefinition, TargetServer, Way
from backup_core.restore.placement import PLACEMENT_TAGS, Placement, replicas
from backup_core.restore.way import index_attributes


NOT_RECORDED = "not recorded"
UNKNOWN = "unknown"

_DICTIONARY_COMPRESSOR = "WithDictsCompressor"


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the plan has decided so far.

    Attributes:
        way: how the items come back.
        placement: tablets or vnodes.
        late_indexes: names of GSIs that are added after the data.
    """

    way: Way
    placement: Placement
    late_indexes: tuple[str, ...]


def differences(
    sources: Sequence[BackupSource],
    definition: TableDefinition,
    target: TargetServer,
    options: RestoreOptions,
    decisions: Decisions,
) -> tuple[Difference, ...]:
    """Everything that a reader of the plan should know of, most important first."""
    return (
        *_server(sources, target),
        *_way(definition, target, decisions.way),
        *_placement(decisions.placement),
        *_placement_tag(definition, target, decisions.placement),
        *_compression(definition, target),
        *_replication(definition, target),
        *_sort_keys(definition, options),
        *_late_indexes(definition, options, decisions),
        *_billing(definition, target),
        *_write_isolation(sources, definition, target),
    )


def _server(sources: Sequence[BackupSource], target: TargetServer) -> Iterator[Difference]:
    backup, there = _versions(sources), target.version or UNKNOWN
    if UNKNOWN in {backup, there}:
        yield Difference("ScyllaDB", backup, there, "what isn't known is done in the way that works with any version")
    elif backup != there:
        yield Difference("ScyllaDB", backup, there, "decided by what the backup recorded, as below")


def _way(definition: TableDefinition, target: TargetServer, way: Way) -> Iterator[Difference]:
    real = ", ".join(column.name for column in definition.real_columns) or "none"
    there = {True: "real columns", False: "computed from the items", None: UNKNOWN}[target.real_index_columns]
    if way is Way.COLUMNS_FIRST:
        action = "columns are added before the data, while the table has no index; indexes come after the data"
    elif way is Way.COPY_ITEMS:
        action = "the data is loaded into a scratch table, and its items are written to the new one: this takes longer"
    else:
        return
    keys = ", ".join(sorted(index_attributes(definition))) or "none"
    yield Difference("index keys", f"keys: {keys}; real columns: {real}", there, action)


def _placement(placement: Placement) -> Iterator[Difference]:
    was, will_be = _placement_name(placement.was), _placement_name(placement.tablets)
    if placement.was is not None and placement.was == placement.tablets:
        return
    if placement.was is None and placement.tag is None and not placement.against_tablets:
        yield Difference("tablets or vnodes", was, will_be, "left to the server")
        return
    action = "; ".join(placement.against_tablets) or "vnodes are forbidden there (tablets_mode_for_new_keyspaces)"
    yield Difference("tablets or vnodes", was, will_be, action)


def _placement_tag(definition: TableDefinition, target: TargetServer, placement: Placement) -> Iterator[Difference]:
    """Its name has changed between releases; and where a server does otherwise by itself, it is set anew."""
    was = {tag: definition.tags[tag] for tag in PLACEMENT_TAGS if tag in definition.tags}
    will_be = {} if placement.tag is None else {target.tablets_tag: placement.tag}
    if was != will_be:
        action = "CreateTable asks for tablets or vnodes with it, and clients see it among the table's tags"
        yield Difference("placement tag", _tags_text(was), _tags_text(will_be), action)


def _tags_text(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in tags.items()) or "none"


def _placement_name(tablets: bool | None) -> str:
    return {True: "tablets", False: "vnodes", None: UNKNOWN}[tablets]


def _compression(definition: TableDefinition, target: TargetServer) -> Iterator[Difference]:
    """Such a compressor writes plain LZ4 or Zstandard until a dictionary was trained (seen on 2026.1.12)."""
    if (definition.compressor or "").endswith(_DICTIONARY_COMPRESSOR) and not target.reads_dictionaries:
        action = "files that were written before a dictionary was trained load; the server refuses any other"
        yield Difference("compression", definition.compressor or "", "knows no dictionaries", action)


def _replication(definition: TableDefinition, target: TargetServer) -> Iterator[Difference]:
    count = replicas(target)
    if definition.replication is None or count is None or target.racks is None:
        return
    was = {name: value for name, value in definition.replication.items() if name != "class"}
    will_be = dict.fromkeys(target.racks, str(count))
    if was != will_be:
        action = "Alternator decides by the number of nodes: ALTER KEYSPACE afterwards if it shall be as it was"
        yield Difference("replication", _replicas_text(was), _replicas_text(will_be), action)


def _replicas_text(replication: dict[str, str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(replication.items()))


def _sort_keys(definition: TableDefinition, options: RestoreOptions) -> Iterator[Difference]:
    for index, key in doubtful_sort_keys(definition).items():
        dropped = index in options.hash_only
        yield Difference(
            f"sort key of {index}",
            f"{key}, which a server may tell though nobody has asked for it",
            "none" if dropped else key,
            "left out, as asked for" if dropped else f"kept as reported; --hash-only {index} leaves it out",
        )


def _late_indexes(definition: TableDefinition, options: RestoreOptions, decisions: Decisions) -> Iterator[Difference]:
    own = {key["AttributeName"] for key in definition.key_schema}
    for index in definition.global_indexes:
        name, keys = index["IndexName"], index["KeySchema"]
        partition_only = len(keys) == 1 or name in options.hash_only
        if name in decisions.late_indexes and partition_only and own - {keys[0]["AttributeName"]}:
            yield Difference(
                f"index {name}",
                "no sort key",
                "a sort key is told that nobody has asked for",
                "it is added after the data, and servers remember that only of indexes created with their table",
            )


def _billing(definition: TableDefinition, target: TargetServer) -> Iterator[Difference]:
    if definition.billing.get("BillingMode") == "PROVISIONED" and not target.keeps_billing:
        yield Difference(
            "billing", "PROVISIONED", "told as PAY_PER_REQUEST", "asked for all the same; it changes nothing else"
        )


def _write_isolation(
    sources: Sequence[BackupSource], definition: TableDefinition, target: TargetServer
) -> Iterator[Difference]:
    """Tables without the tag go by a setting of the node, which no backup records; mostly it is the same one."""
    if WRITE_ISOLATION_TAG in definition.tags or _versions(sources) == target.version:
        return
    yield Difference(
        "write isolation",
        f"the server's default, {NOT_RECORDED}",
        f"the server's default, {target.write_isolation or UNKNOWN}",
        f"compare alternator_write_isolation in scylla.yaml; the tag {WRITE_ISOLATION_TAG} sets another one",
    )


def _versions(sources: Sequence[BackupSource]) -> str:
    versions = {source.manifest.scylla_version or UNKNOWN if source.manifest else UNKNOWN for source in sources}
    return ", ".join(sorted(versions))
