"""The proof: what a client can see of the table that came back, beside what the backup says of the one that was.

It is read from the node, and held against the backup's own description, not against the requests that were sent.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from backup_core.context import Context
from backup_core.restore.features import enabled_attribute, enabled_view_type
from backup_core.restore.model import ProofLine, RestorePlan, TableDefinition


OFF = "off"
MISSING = "none"

_VISIBLE_SYSTEM_TAG = "system:write_isolation"
_PLACEMENT_TAGS = frozenset({"experimental:initial_tablets"})
"""Beside `system:` tags, which are the server's bookkeeping (db/tags, alternator/executor.cc): tablets or vnodes."""


def prove(context: Context, plan: RestorePlan, *, hash_only: frozenset[str] = frozenset()) -> tuple[ProofLine, ...]:
    """Compare the restored table with the backup.

    Args:
        context: where the node is.
        plan: of the restore.
        hash_only: GSIs whose sort key the user wanted gone.

    Raises:
        NotFoundError: the table isn't there.
        BackupError: the node can't be asked.
    """
    described = context.alternator.describe_table(plan.target)
    tags = {tag["Key"]: tag["Value"] for tag in context.alternator.list_tags(described["TableArn"])}
    time_to_live = context.alternator.describe_time_to_live(plan.target)
    restored = _visible(
        described,
        tags,
        enabled_attribute(time_to_live),
        enabled_view_type(described),
    )
    recorded = _recorded(plan.definition)
    for name in hash_only:
        _drop_sort_key(recorded, restored, _index_line("GSI", name))
    if "billing" not in recorded:
        restored.pop("billing", None)
    names = dict.fromkeys((*recorded, *restored))
    return tuple(ProofLine(name, recorded.get(name, MISSING), restored.get(name, MISSING)) for name in names)


def _recorded(definition: TableDefinition) -> dict[str, str]:
    description = {
        "KeySchema": definition.key_schema,
        "AttributeDefinitions": definition.attribute_definitions,
        "GlobalSecondaryIndexes": definition.global_indexes,
        "LocalSecondaryIndexes": definition.local_indexes,
        "BillingModeSummary": {"BillingMode": definition.billing.get("BillingMode")},
        "ProvisionedThroughput": definition.billing.get("ProvisionedThroughput"),
    }
    return _visible(description, definition.tags, definition.time_to_live_attribute, definition.stream_view_type)


def _visible(
    description: Mapping[str, Any], tags: Mapping[str, str], time_to_live: str | None, stream: str | None
) -> dict[str, str]:
    """What a client can see, in words that are equal where it is the same."""
    types = {each["AttributeName"]: each["AttributeType"] for each in description["AttributeDefinitions"]}
    lines = {"keys": _keys(description), "attributes": ", ".join(f"{name} {types[name]}" for name in sorted(types))}
    for kind, short in (("Global", "GSI"), ("Local", "LSI")):
        indexes: Iterable[Mapping[str, Any]] = description.get(f"{kind}SecondaryIndexes") or ()
        for index in sorted(indexes, key=lambda index: str(index["IndexName"])):
            lines[_index_line(short, index["IndexName"])] = _keys(index)
    if billing := _billing(description):
        lines["billing"] = billing
    lines |= {f"tag {name}": tags[name] for name in sorted(tags) if _is_visible(name)}
    return lines | {"time to live": time_to_live or OFF, "stream": stream or OFF}


def _index_line(kind: str, name: str) -> str:
    return f"{kind} {name}"


def _keys(description: Mapping[str, Any]) -> str:
    # HASH comes before RANGE in the alphabet, too.
    keys = sorted((key["KeyType"], key["AttributeName"]) for key in description["KeySchema"])
    return ", ".join(f"{name} {kind}" for kind, name in keys)


def _billing(description: Mapping[str, Any]) -> str | None:
    """None where it isn't known. The throughput counts only where it was provisioned."""
    mode: str | None = (description.get("BillingModeSummary") or {}).get("BillingMode")
    if mode != "PROVISIONED":
        return mode
    throughput = description.get("ProvisionedThroughput") or {}
    read, write = (throughput.get(f"{kind}CapacityUnits") for kind in ("Read", "Write"))
    return f"PROVISIONED, {read} read and {write} write units"


def _is_visible(tag: str) -> bool:
    return tag == _VISIBLE_SYSTEM_TAG or not (tag.startswith("system:") or tag in _PLACEMENT_TAGS)


def _drop_sort_key(recorded: dict[str, str], restored: Mapping[str, str], line: str) -> None:
    """Expect an index without its sort key, unless the server shows one of the table's keys again (up to 6.2)."""
    if line in recorded and restored.get(line) != recorded[line]:
        recorded[line] = recorded[line].partition(", ")[0]
