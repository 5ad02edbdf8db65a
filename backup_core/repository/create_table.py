"""The CreateTable request that makes a table again: the one place that knows what of a description goes back.

DescribeTable says more than CreateTable takes, and partly something else (alternator/executor.cc, both releases):
`ProvisionedThroughput` beside PAY_PER_REQUEST is refused, index descriptions carry ARNs and states, attributes that no
key uses are refused, the tags of Alternator's own bookkeeping are reserved. TTL and streams are switched on
afterwards, when the data is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


GLOBAL = "GlobalSecondaryIndexes"
LOCAL = "LocalSecondaryIndexes"

WRITE_ISOLATION_TAG = "system:write_isolation"
INITIAL_TABLETS_TAG = "system:initial_tablets"
FORMER_INITIAL_TABLETS_TAG = "experimental:initial_tablets"
"""What the tag was called up to 2025.3."""

TTL_TAG = "system:ttl_attribute"
READ_UNITS_TAG = "system:provisioned_rcu"
WRITE_UNITS_TAG = "system:provisioned_wcu"
INTERNAL_TAGS = frozenset({TTL_TAG, READ_UNITS_TAG, WRITE_UNITS_TAG, "system:table_creation_time"})
"""What servers note of a table in its tags, and show up to 2025.1.3: it comes back by other requests, or not at all."""

CQL_TYPES = {"S": "text", "B": "blob", "N": "decimal"}
"""What Alternator makes of the types of keys."""

_SYSTEM = "system:"
_USERS_SYSTEM_TAGS = frozenset({WRITE_ISOLATION_TAG, INITIAL_TABLETS_TAG})
"""Those of `system:` that are the user's to set, in every release."""
_ALL = {"ProjectionType": "ALL"}  # what every index of Alternator has, whatever was asked for (#5036)


def create_table_request(description: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of CreateTable, for a server like the one that was backed up.

    Args:
        description: the content of `alternator_schema.json`.
    """
    table = description["table"]
    return assemble_request(
        table["TableName"],
        key_schema=table["KeySchema"],
        attribute_definitions=table["AttributeDefinitions"],
        billing=billing_parameters(table),
        global_indexes=[index_parameters(index) for index in table.get(GLOBAL) or ()],
        local_indexes=[index_parameters(index) for index in table.get(LOCAL) or ()],
        tags={tag["Key"]: tag["Value"] for tag in description.get("tags") or () if not is_reserved_tag(tag["Key"])},
    )


def assemble_request(
    name: str,
    *,
    key_schema: Sequence[Mapping[str, str]],
    attribute_definitions: Iterable[Mapping[str, str]],
    billing: Mapping[str, Any],
    global_indexes: Sequence[Mapping[str, Any]] = (),
    local_indexes: Sequence[Mapping[str, Any]] = (),
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The parameters of CreateTable, from parts that are as CreateTable takes them.

    Args:
        name: of the table to make.
        key_schema: its keys.
        attribute_definitions: those that no key uses are left out.
        billing: `BillingMode` and what belongs to it; PAY_PER_REQUEST if empty.
        global_indexes: GSIs.
        local_indexes: LSIs.
        tags: by their keys.
    """
    used = {
        key["AttributeName"]
        for keys in (key_schema, *(index["KeySchema"] for index in (*global_indexes, *local_indexes)))
        for key in keys
    }
    request: dict[str, Any] = {
        "TableName": name,
        "KeySchema": [dict(key) for key in key_schema],
        "AttributeDefinitions": [dict(each) for each in attribute_definitions if each["AttributeName"] in used],
    }
    request |= dict(billing) or {"BillingMode": "PAY_PER_REQUEST"}
    for kind, indexes in ((GLOBAL, global_indexes), (LOCAL, local_indexes)):
        if indexes:
            request[kind] = [dict(index) for index in indexes]
    if tags:
        request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return request


def time_to_live_request(description: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters of UpdateTimeToLive, or None if the table has no TTL."""
    ttl = description.get("time_to_live") or {}
    if ttl.get("TimeToLiveStatus") != "ENABLED":
        return None
    return time_to_live_parameters(description["table"]["TableName"], ttl["AttributeName"])


def time_to_live_parameters(name: str, attribute: str) -> dict[str, Any]:
    """The parameters of UpdateTimeToLive that switch TTL on."""
    return {"TableName": name, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": attribute}}


def stream_request(description: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters of UpdateTable that switch the stream on, or None if the table has none."""
    stream = description["table"].get("StreamSpecification") or {}
    if not stream.get("StreamEnabled"):
        return None
    return stream_parameters(description["table"]["TableName"], stream["StreamViewType"])


def stream_parameters(name: str, view_type: str) -> dict[str, Any]:
    """The parameters of UpdateTable that switch a stream on."""
    return {"TableName": name, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view_type}}


def index_names(description: Mapping[str, Any]) -> Iterable[str]:
    """Names of all indexes, global ones first."""
    for kind in (GLOBAL, LOCAL):
        yield from (index["IndexName"] for index in description["table"].get(kind) or ())


def billing_parameters(table: Mapping[str, Any]) -> dict[str, Any]:
    """What CreateTable takes of a described table's billing."""
    if (table.get("BillingModeSummary") or {}).get("BillingMode") != "PROVISIONED":
        return {"BillingMode": "PAY_PER_REQUEST"}
    throughput = table["ProvisionedThroughput"]
    units = {name: throughput[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}


def index_parameters(index: Mapping[str, Any]) -> dict[str, Any]:
    """What CreateTable takes of a described index."""
    keys = [dict(key) for key in index["KeySchema"]]
    return {"IndexName": index["IndexName"], "KeySchema": keys, "Projection": _ALL}


def is_reserved_tag(key: str) -> bool:
    """Whether newer servers keep a tag to themselves: it can be neither seen nor set there (2025.1.4 and later)."""
    return key.startswith(_SYSTEM) and key not in _USERS_SYSTEM_TAGS
