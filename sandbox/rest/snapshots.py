"""Snapshots over the REST API: take, list, size, delete."""

from sandbox.catalog import Catalog
from sandbox.column_families import ColumnFamily, all_column_families, column_families, find_keyspace
from sandbox.data_directory import DataDirectory
from sandbox.rest.answers import VOID, bad_request, compact, server_error, streamed
from sandbox.rest.routing import Parameters, Route
from sandbox.rest.validation import names, require_table, validate_keyspace


_VIEW_REFUSED = (
    "Do not take a snapshot of a materialized view or a secondary index by itself."
    " Run snapshot on the base table instead."
)


class SnapshotRoutes:
    """The requests below `/storage_service/snapshots`. One at a time: the server queues them as well."""

    def __init__(self, catalog: Catalog, data: DataDirectory) -> None:
        self._catalog = catalog
        self._data = data

    def routes(self) -> list[Route]:
        """The routes with their handlers."""
        return [
            Route("POST", "/storage_service/snapshots", self._take),
            Route("GET", "/storage_service/snapshots", self._list),
            Route("DELETE", "/storage_service/snapshots", self._delete),
            Route("GET", "/storage_service/snapshots/size/true", self._size),
        ]

    def _take(self, parameters: Parameters) -> str:
        tag = parameters.get("tag", "")
        keyspaces = names(parameters.get("kn", ""))
        tables = names(parameters.get("cf", ""))
        skip_flush = parameters.get("sf", "").lower() == "true"
        with self._catalog.lock:
            chosen = self._chosen_tables(keyspaces, tables) if tables else None
            if not tag:
                raise server_error("std::runtime_error", "You must supply a snapshot name.")
            families = self._chosen_keyspaces(keyspaces) if chosen is None else chosen
            self._refuse_existing(tag, families)
            if chosen is not None and self._catalog.version.snapshots_include_views:
                families = [member for family in chosen for member in _with_views(family)]
            self._data.snapshot(tag, families, skip_flush=skip_flush)
        return VOID

    def _chosen_tables(self, keyspaces: list[str], tables: list[str]) -> list[ColumnFamily]:
        if not keyspaces:
            raise bad_request("The keyspace of column families must be specified")
        if len(keyspaces) > 1:
            raise bad_request("Only one keyspace allowed when specifying a column family")
        if self._catalog.version.snapshots_check_keyspace:
            validate_keyspace(self._catalog, keyspaces[0])
        families = []
        for name in tables:
            families.append(require_table(self._catalog, keyspaces[0], name))
            if families[-1].kind == "view" and self._catalog.version.snapshots_include_views:
                raise server_error("std::invalid_argument", _VIEW_REFUSED)
        return families

    def _chosen_keyspaces(self, keyspaces: list[str]) -> list[ColumnFamily]:
        if not keyspaces:
            return list(all_column_families(self._catalog))
        families = []
        for keyspace in keyspaces:
            validate_keyspace(self._catalog, keyspace)
            table = find_keyspace(self._catalog, keyspace)
            if table is None:
                raise server_error("std::runtime_error", f"the sandbox has no files of keyspace {keyspace}")
            families += column_families(table)
        return families

    def _refuse_existing(self, tag: str, families: list[ColumnFamily]) -> None:
        for family in families:
            try:
                exists = self._data.snapshot_directory(family, tag).exists()
            except ValueError as error:
                raise server_error("std::runtime_error", str(error)) from error
            if exists:
                raise server_error("std::runtime_error", f"Keyspace {family.keyspace}: snapshot {tag} already exists.")

    def _list(self, _: Parameters) -> str:
        by_tag: dict[str, list[dict[str, str | int]]] = {}
        for part in self._data.list_snapshots():
            by_tag.setdefault(part.tag, []).append(
                {"ks": part.keyspace, "cf": part.name, "total": part.total_bytes, "live": part.live_bytes}
            )
        return streamed({"key": tag, "value": parts} for tag, parts in by_tag.items())

    def _size(self, _: Parameters) -> str:
        return compact(sum(part.live_bytes for part in self._data.list_snapshots()))

    def _delete(self, parameters: Parameters) -> str:
        keyspaces = names(parameters.get("kn", ""))
        for keyspace in self._data.dropping.intersection(keyspaces):
            self._catalog.abort(f"Compaction group of id 0 that belongs to {keyspace} was not disabled.")
        self._data.delete_snapshots(parameters.get("tag", ""), keyspaces, parameters.get("cf", ""))
        return VOID


def _with_views(family: ColumnFamily) -> list[ColumnFamily]:
    """A base table with its views; anything else by itself."""
    if family.kind != "table":
        return [family]
    return [member for member in column_families(family.table) if member.kind in {"table", "view"}]
