"""Sort keys of GSIs that nobody may have asked for, and what becomes of them.

A view's rows need all keys of the table: behind a GSI's own keys come those of the table that are missing, and up to
2025.3 DescribeTable tells the first of them as a sort key of the index, asked for or not (#5320). From 2025.4 on a
server remembers it of GSIs that were created with their table, and of no others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from backup_core.close_names import close_names
from backup_core.errors import NotFoundError
from backup_core.restore.model import TableDefinition


def doubtful_sort_keys(definition: TableDefinition) -> dict[str, str]:
    """GSIs with a sort key that may not have been asked for, and that key."""
    return dict(_doubtful(definition))


def without_sort_keys(definition: TableDefinition, names: frozenset[str]) -> TableDefinition:
    """The definition with some GSIs cut down to their partition key.

    Args:
        definition: of the table.
        names: of GSIs with a doubtful sort key.

    Raises:
        NotFoundError: a GSI of that name has none.
    """
    doubtful = doubtful_sort_keys(definition)
    for name in sorted(names - doubtful.keys()):
        close = ", ".join(close_names(name, doubtful)) or ", ".join(doubtful)
        raise NotFoundError(
            f"{definition.name} has no global index {name!r} with a sort key that may not have been asked for.",
            hint=f"There is: {close}." if close else "No index of it has one: leave --hash-only out.",
        )
    indexes = (_partition_key_only(each) if each["IndexName"] in names else each for each in definition.global_indexes)
    return replace(definition, global_indexes=tuple(indexes))


def _doubtful(definition: TableDefinition) -> Iterator[tuple[str, str]]:
    own = [key["AttributeName"] for key in definition.key_schema]
    for index in definition.global_indexes:
        kinds = [key["KeyType"] for key in index["KeySchema"]]
        partition_key, *rest = (key["AttributeName"] for key in index["KeySchema"])
        missing = [name for name in own if name != partition_key]
        if kinds == ["HASH", "RANGE"] and rest == missing[:1]:
            yield index["IndexName"], rest[0]


def _partition_key_only(index: Mapping[str, Any]) -> dict[str, Any]:
    return {**index, "KeySchema": [key for key in index["KeySchema"] if key["KeyType"] == "HASH"]}
