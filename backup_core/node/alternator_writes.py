"""What a restore asks of Alternator: tables, indexes, time to live, streams, and how many items there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backup_core.node.alternator import AlternatorClient
from backup_core.node.alternator_items import as_parameters
from backup_core.node.shapes import expected_shape


@dataclass(frozen=True, slots=True)
class ItemCount:
    """What a scan has counted.

    Attributes:
        items: those that match the condition.
        scanned: all of them.
    """

    items: int
    scanned: int


@dataclass(frozen=True, slots=True)
class KeysPresent:
    """The condition that an item has these attributes, each of its type (`S`, `N`, `B`): that it is in an index."""

    types: Mapping[str, str]

    def parameters(self) -> dict[str, Any]:
        """What a Scan takes for it."""
        numbered = list(enumerate(self.types.items()))
        return {
            "FilterExpression": " AND ".join(f"attribute_type(#k{n}, :t{n})" for n, _ in numbered),
            "ExpressionAttributeNames": {f"#k{n}": name for n, (name, _) in numbered},
            "ExpressionAttributeValues": {f":t{n}": {"S": type_} for n, (_, type_) in numbered},
        }


def create_table(alternator: AlternatorClient, parameters: Mapping[str, Any]) -> None:
    """CreateTable; errors as for `AlternatorClient.call`.

    It is sent again when no answer comes, so that a refusal because the table exists may be about the one just made.
    """
    alternator.call("CreateTable", **parameters)


def delete_table(alternator: AlternatorClient, name: str) -> None:
    """DeleteTable, which acts on the whole cluster and takes the grants with it; errors as for `call`."""
    alternator.call("DeleteTable", TableName=name)


def add_global_index(
    alternator: AlternatorClient, name: str, index: Mapping[str, Any], attributes: Mapping[str, str]
) -> None:
    """UpdateTable with one GSI (2025.1 and later take one at a time); errors as for `call`.

    Args:
        alternator: the node's.
        name: of the table.
        index: as CreateTable takes it.
        attributes: types of the index's keys; any other is refused.
    """
    definitions = [{"AttributeName": key, "AttributeType": type_} for key, type_ in attributes.items()]
    updates = [{"Create": dict(index)}]
    alternator.call(
        "UpdateTable", TableName=name, AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=updates
    )


def update_table(alternator: AlternatorClient, parameters: Mapping[str, Any]) -> None:
    """UpdateTable; errors as for `call`."""
    alternator.call("UpdateTable", **parameters)


def update_time_to_live(alternator: AlternatorClient, parameters: Mapping[str, Any]) -> None:
    """UpdateTimeToLive; errors as for `call`."""
    alternator.call("UpdateTimeToLive", **parameters)


def is_empty(alternator: AlternatorClient, name: str) -> bool:
    """Whether a table has no item at all; errors as for `call`."""
    answer = alternator.call("Scan", TableName=name, Select="COUNT", ConsistentRead=True, Limit=1)
    with expected_shape("Scan"):
        return int(answer["Count"]) == 0 and "LastEvaluatedKey" not in answer


def count_items(
    alternator: AlternatorClient,
    name: str,
    *,
    index: str | None = None,
    condition: KeysPresent | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ItemCount:
    """Count by a Scan from end to end; the node reads everything, and answers with numbers.

    Args:
        alternator: the node's.
        name: of the table.
        index: counted instead of the table.
        condition: which items count.
        on_progress: hears after each page how many were scanned so far.

    Raises:
        BackupError: as for `call`.
    """
    request: dict[str, Any] = {"TableName": name, "Select": "COUNT"} | (condition.parameters() if condition else {})
    # An index answers from the nearest replica only (a GSI refuses more); a table is asked for its last word.
    request |= {"IndexName": index} if index else {"ConsistentRead": True}
    items = scanned = 0
    while True:
        answer = alternator.call("Scan", **request)
        with expected_shape("Scan"):
            items += int(answer["Count"])
            scanned += int(answer["ScannedCount"])
        on_progress(scanned)
        if not answer.get("LastEvaluatedKey"):
            return ItemCount(items, scanned)
        request["ExclusiveStartKey"] = as_parameters(answer["LastEvaluatedKey"])
