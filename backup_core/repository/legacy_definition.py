"""What the predecessor left, read as a description: its DDL tells keys, indexes, and tags where they were printed.

The result has the shape of `alternator_schema.json`, so that nothing further on knows two kinds; what DDL can't tell
stands under `unknown`, in words.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from backup_core.ddl import separate_schema_and_views
from backup_core.errors import ManifestError, NodeRefusedError
from backup_core.model import keyspace_of
from backup_core.repository.create_statements import CreateStatement, read_table, read_view
from backup_core.repository.create_table import (
    CQL_TYPES,
    GLOBAL,
    LOCAL,
    READ_UNITS_TAG,
    TTL_TAG,
    WRITE_UNITS_TAG,
)
from backup_core.repository.schema_files import DOCUMENT_FORMAT_VERSION
from backup_core.repository.table_options import STREAM, TAGS, map_options


_TYPES = {cql: type_ for type_, cql in CQL_TYPES.items()}
_UNITS_TAGS = {"ReadCapacityUnits": READ_UNITS_TAG, "WriteCapacityUnits": WRITE_UNITS_TAG}
_NO_SORT_KEY_TAG = "system:spurious_range_key_added_to_gsi_and_user_didnt_specify_range_key"
"""On the view of a GSI whose sort key nobody asked for (2025.4 and later)."""
_UNITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def legacy_description(table_name: str, table_ddl: str, view_ddls: Sequence[str]) -> dict[str, Any]:
    """The description of a table, as far as DDL tells it.

    Args:
        table_name: as the backup's directory is called.
        table_ddl: the content of `table_schema.cql`.
        view_ddls: that of each `materialized_view_N.cql`.

    Raises:
        ManifestError: the DDL can't be read, or is of another table.
    """
    try:
        ddl, more_views = separate_schema_and_views(table_ddl)
        views = [view for text in view_ddls for view in separate_schema_and_views(f"{ddl}\n\n{text}")[1]]
    except NodeRefusedError as error:
        raise ManifestError(f"The DDL of {table_name} can't be used: {error.message}") from error
    return _Reading(table_name, ddl, tuple(dict.fromkeys((*more_views, *views)))).description()


class _Reading:
    """One table's DDL, and what it didn't tell."""

    def __init__(self, table_name: str, ddl: str, views: Sequence[str]) -> None:
        self._name = table_name
        self._ddl = ddl
        self._views = views
        self._table = read_table(ddl)
        self._options = map_options(ddl)
        self._unknown: list[str] = []
        if (self._table.keyspace, self._table.name) != (keyspace_of(table_name), table_name):
            raise ManifestError(f"The DDL is of {self._table.keyspace}.{self._table.name}, not of {table_name}.")
        if len(self._table.partition_key) != 1 or len(self._table.clustering_key) > 1:
            raise ManifestError(f"The DDL of {table_name} is of no Alternator table: it has too many keys.")

    def description(self) -> dict[str, Any]:
        tags = self._options.get(TAGS)
        if tags is None:
            self._unknown.append(
                "tags (with them write isolation), and whether TTL was on: its DDL shows no scylla_tags"
            )
        self._unknown += ["who was granted what", "replication, and whether it was on vnodes or tablets"]
        table = self._described_table(tags)
        ttl = (tags or {}).get(TTL_TAG)
        return {
            "format_version": DOCUMENT_FORMAT_VERSION,
            "table": table,
            "tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
            "time_to_live": {"TimeToLiveStatus": "ENABLED", "AttributeName": ttl} if ttl else _TTL_OFF,
            "columns": [self._column(name, type_) for name, type_ in self._table.columns.items()],
            "keyspace": {"replication": None, "tablets": None},
            "describe": [{"create_statement": text} for text in (self._ddl, *self._views)],
            "grants": None,
            "unknown": self._unknown,
        }

    def _described_table(self, tags: Mapping[str, str] | None) -> dict[str, Any]:
        keys = (*self._table.partition_key, *self._table.clustering_key)
        table: dict[str, Any] = {"TableName": self._name, "KeySchema": _key_schema(keys), GLOBAL: [], LOCAL: []}
        for text in self._views:
            self._add_index(table, text)
        used = {key["AttributeName"] for part in (table, *table[GLOBAL], *table[LOCAL]) for key in part["KeySchema"]}
        table["AttributeDefinitions"] = [
            {"AttributeName": name, "AttributeType": self._type(name)} for name in self._table.columns if name in used
        ]
        table |= self._billing(tags)
        if self._options.get(STREAM, {}).get("enabled") == "true":
            table["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": _view_type(self._options[STREAM])}
        return table

    def _add_index(self, table: dict[str, Any], text: str) -> None:
        view = read_view(text)
        kind, name = self._index_name(view)
        keys = (*view.partition_key, *view.clustering_key)
        untyped = [key for key in keys[:2] if key not in self._table.columns]
        if untyped:
            self._unknown.append(
                f"the type of {untyped[0]!r}, a key of index {name}, which is left out: add it with UpdateTable"
                if kind == GLOBAL
                else f"the type of {untyped[0]!r}, a key of local index {name}, which is left out"
            )
            return
        if kind == GLOBAL and _NO_SORT_KEY_TAG in map_options(text).get(TAGS, {}):
            keys = keys[:1]
        table[kind].append({"IndexName": name, "KeySchema": _key_schema(keys[:2])})

    def _index_name(self, view: CreateStatement) -> tuple[str, str]:
        for kind, separator in ((LOCAL, "!:"), (GLOBAL, ":")):
            if view.keyspace == self._table.keyspace and view.name.startswith(self._name + separator):
                return kind, view.name.removeprefix(self._name + separator)
        raise ManifestError(f"The view {view.name!r} is none of an index of {self._name}.")

    def _type(self, column: str) -> str:
        cql = self._table.columns[column]
        if cql not in _TYPES:
            raise ManifestError(f"The key {column!r} of {self._name} is a {cql}, which Alternator makes of no key.")
        return _TYPES[cql]

    def _column(self, name: str, type_: str) -> dict[str, str]:
        kinds = {self._table.partition_key: "partition_key", self._table.clustering_key: "clustering"}
        return {
            "table_name": self._name,
            "column_name": name,
            "kind": kinds.get((name,), "regular"),
            "type": type_,
        }

    def _billing(self, tags: Mapping[str, str] | None) -> dict[str, Any]:
        """Servers that remember what was provisioned do so in tags; the others say PAY_PER_REQUEST of every table."""
        if tags is None:
            return {}
        units = {name: tags.get(tag, "") for name, tag in _UNITS_TAGS.items()}
        if not all(_UNITS.fullmatch(number) for number in units.values()):
            return {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}
        throughput = {name: int(number) for name, number in units.items()}
        return {"BillingModeSummary": {"BillingMode": "PROVISIONED"}, "ProvisionedThroughput": throughput}


_TTL_OFF = {"TimeToLiveStatus": "DISABLED"}


def _key_schema(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


def _view_type(stream: Mapping[str, str]) -> str:
    """What Alternator makes CDC's images of (alternator/streams.cc)."""
    new, old = stream.get("postimage") == "true", stream.get("preimage", "false") != "false"
    return {(True, True): "NEW_AND_OLD_IMAGES", (True, False): "NEW_IMAGE", (False, True): "OLD_IMAGE"}.get(
        (new, old), "KEYS_ONLY"
    )
