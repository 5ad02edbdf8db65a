"""Keyspaces and column families over the REST API: their names, the state of their views, flushes, compaction."""

import json
import time

from sandbox.catalog import Catalog, Index, Table
from sandbox.column_families import (
    ColumnFamily,
    all_column_families,
    column_families,
    find_column_family,
    find_keyspace,
)
from sandbox.data_directory import DataDirectory
from sandbox.rest.answers import VOID, compact
from sandbox.rest.routing import Parameters, Route
from sandbox.rest.validation import names, validate_keyspace, validate_table
from sandbox.system_tables import system_keyspaces, system_tables
from sandbox.view_updates import ViewUpdates


_LOCAL_KEYSPACES = {"system", "system_schema"}


class KeyspaceRoutes:
    """The requests about the names in the schema, the flush of a keyspace, and its compaction, which never happens."""

    def __init__(self, catalog: Catalog, data: DataDirectory, views: ViewUpdates) -> None:
        self._catalog = catalog
        self._views = views
        self._data = data

    def routes(self) -> list[Route]:
        """The routes with their handlers."""
        return [
            Route("GET", "/storage_service/keyspaces", self._keyspaces),
            Route("GET", "/column_family/name", self._column_family_names),
            Route("GET", "/storage_service/view_build_statuses/{keyspace}/{view}", self._view_build_statuses),
            Route("POST", "/storage_service/keyspace_flush/{keyspace}", self._flush),
            Route("POST", "/storage_service/auto_compaction/{keyspace}", self._auto_compaction),
            Route("DELETE", "/storage_service/auto_compaction/{keyspace}", self._auto_compaction),
        ]

    def _keyspaces(self, parameters: Parameters) -> str:
        with self._catalog.lock:
            tablets = {table.keyspace: table.tablets for table in self._catalog.unordered_tables()}
        system = system_keyspaces(self._catalog.version)
        kinds = {
            "user": list(tablets),
            "non_local_strategy": [*tablets, *(name for name in system if name not in _LOCAL_KEYSPACES)],
        }
        chosen = kinds.get(parameters.get("type", ""), [*tablets, *system])
        replication = parameters.get("replication", "")
        if replication in {"tablets", "vnodes"}:
            chosen = [name for name in chosen if tablets.get(name, False) == (replication == "tablets")]
        return compact(chosen)

    def _column_family_names(self, _: Parameters) -> str:
        with self._catalog.lock:
            names_of_tables = [f"{each.keyspace}:{each.name}" for each in all_column_families(self._catalog)]
        return compact([*names_of_tables, *system_tables(self._catalog.version)])

    def _view_build_statuses(self, parameters: Parameters) -> str:
        with self._catalog.lock:
            validate_keyspace(self._catalog, parameters["keyspace"])
            family = find_column_family(self._catalog, parameters["keyspace"], parameters["view"])
        if family is None or family.index is None:
            return json.dumps([])
        return json.dumps([{"key": self._catalog.address, "value": self._build_status(family.table, family.index)}])

    def _build_status(self, table: Table, index: Index) -> str:
        if index.is_build_lost or time.monotonic() < index.built_after:
            return "UNKNOWN"
        return "SUCCESS" if self._views.is_built(table, index) else "STARTED"

    def _flush(self, parameters: Parameters) -> str:
        with self._catalog.lock:
            for family in self._chosen(parameters):
                self._data.flush(family)
        return VOID

    def _auto_compaction(self, parameters: Parameters) -> str:
        """Nothing is ever compacted here, so that there is nothing to switch."""
        with self._catalog.lock:
            self._chosen(parameters)
        return VOID

    def _chosen(self, parameters: Parameters) -> list[ColumnFamily]:
        """Those that are named, else all of the keyspace."""
        keyspace = parameters["keyspace"]
        validate_keyspace(self._catalog, keyspace)
        table = find_keyspace(self._catalog, keyspace)
        chosen = [validate_table(self._catalog, keyspace, name) for name in names(parameters.get("cf", ""))]
        return chosen or (column_families(table) if table else [])
