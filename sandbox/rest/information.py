"""What the node tells of itself over the REST API: names, versions, settings, state."""

import json
from typing import Any

from sandbox.catalog import Catalog
from sandbox.data_directory import DataDirectory
from sandbox.rest.answers import VOID, bad_request, compact
from sandbox.rest.routing import Handler, Parameters, Route


# Of Cassandra, for clients that ask: it has been this for years.
_COMPATIBLE_RELEASE = "3.0.8"


class InformationRoutes:
    """The requests that read the node itself, and the read barrier, which one node has always passed."""

    def __init__(self, catalog: Catalog, data: DataDirectory, *, alternator_port: int, api_port: int) -> None:
        self._catalog = catalog
        self._settings: dict[str, Any] = {
            "alternator_address": catalog.address,
            "alternator_enforce_authorization": catalog.enforce_authorization,
            "alternator_port": alternator_port,
            "alternator_write_isolation": "always",
            "api_address": catalog.address,
            "api_port": api_port,
            "auto_snapshot": data.auto_snapshot,
            "cluster_name": catalog.cluster_name,
            "data_file_directories": [str(data.root)],
        }
        if catalog.version.tablets:
            self._settings["tablets_mode_for_new_keyspaces"] = "enabled"

    def routes(self) -> list[Route]:
        """The routes with their handlers."""
        catalog = self._catalog
        told: dict[str, Any] = {
            "/storage_service/hostid/local": str(catalog.host_id),
            "/storage_service/cluster_name": catalog.cluster_name,
            "/storage_service/release_version": _COMPATIBLE_RELEASE,
            "/storage_service/scylla_release_version": catalog.version.release,
            "/storage_service/data_file/locations": self._settings["data_file_directories"],
            "/storage_service/operation_mode": "NORMAL",
            "/gossiper/endpoint/live": [catalog.address, *(peer.address for peer in catalog.peers())],
            "/gossiper/endpoint/down": [],
            "/task_manager/list_modules": list(catalog.version.task_modules),
        }
        return [
            *(Route("GET", path, _always(value)) for path, value in told.items()),
            Route("GET", "/storage_service/schema_version", self._schema_version),
            Route("GET", "/v2/config/{name}", self._setting),
            Route("POST", "/raft/read_barrier", lambda _: VOID),
        ]

    def _schema_version(self, _: Parameters) -> str:
        return compact(str(self._catalog.schema_version))

    def _setting(self, parameters: Parameters) -> str:
        name = parameters["name"]
        if name not in self._settings:
            raise bad_request(f"No such config entry: {name}")
        return json.dumps(self._settings[name])


def _always(value: Any) -> Handler:
    body = compact(value)
    return lambda _: body
