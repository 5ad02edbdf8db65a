"""The CreateTable request that makes a table again, from what `alternator_schema.json` says of it.

DescribeTable says more than CreateTable takes, and partly something else (alternator/executor.cc, both releases):
`ProvisionedThroughput` beside PAY_PER_REQUEST is refused, index descriptions carry ARNs and states, the tags of
Alternator's own bookkeeping are reserved. TTL and streams are switched on afterwards, when the data is there.
"""

from collections.abc import Iterable, Mapping
from typing import Any


_REPLAYED_SYSTEM_TAGS = {"system:write_isolation", "system:initial_tablets"}
_ALL = {"ProjectionType": "ALL"}  # what every index of Alternator has, whatever was asked for (#5036)


def create_table_request(description: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of CreateTable.

    Args:
        description: the content of `alternator_schema.json`.
    """
    table = description["table"]
    request = {
        "TableName": table["TableName"],
        "KeySchema": table["KeySchema"],
        "AttributeDefinitions": table["AttributeDefinitions"],
    }
    request |= _billing(table)
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if table.get(kind):
            request[kind] = [_index(index) for index in table[kind]]
    tags = [tag for tag in description.get("tags") or () if _is_replayed(tag["Key"])]
    if tags:
        request["Tags"] = tags
    return request


def time_to_live_request(description: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters of UpdateTimeToLive, or None if the table has no TTL."""
    ttl = description.get("time_to_live") or {}
    if ttl.get("TimeToLiveStatus") != "ENABLED":
        return None
    specification = {"Enabled": True, "AttributeName": ttl["AttributeName"]}
    return {"TableName": description["table"]["TableName"], "TimeToLiveSpecification": specification}


def stream_request(description: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters of UpdateTable that switch the stream on, or None if the table has none."""
    stream = description["table"].get("StreamSpecification") or {}
    if not stream.get("StreamEnabled"):
        return None
    return {"TableName": description["table"]["TableName"], "StreamSpecification": stream}


def index_names(description: Mapping[str, Any]) -> Iterable[str]:
    """Names of all indexes, global ones first."""
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        yield from (index["IndexName"] for index in description["table"].get(kind) or ())


def _billing(table: Mapping[str, Any]) -> dict[str, Any]:
    if table.get("BillingModeSummary", {}).get("BillingMode") != "PROVISIONED":
        return {"BillingMode": "PAY_PER_REQUEST"}
    throughput = table["ProvisionedThroughput"]
    units = {name: throughput[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    return {"IndexName": index["IndexName"], "KeySchema": index["KeySchema"], "Projection": _ALL}


def _is_replayed(key: str) -> bool:
    return not key.startswith("system:") or key in _REPLAYED_SYSTEM_TAGS
