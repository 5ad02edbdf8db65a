"""`POST /storage_service/sstables/{keyspace}`: what is in a table's `upload/` is loaded."""

from sandbox.catalog import Catalog
from sandbox.loading import Loading
from sandbox.rest.answers import VOID, RestError, bad_request
from sandbox.rest.routing import Parameters, Route
from sandbox.rest.validation import validate_keyspace
from sandbox.upload_directory import LoadingError


class LoadingRoutes:
    """The request that loads SSTables (`nodetool refresh`).

    Whether they are streamed, and to which replicas, makes no difference on one node, which has all of them.
    """

    def __init__(self, catalog: Catalog, loading: Loading) -> None:
        self._catalog = catalog
        self._loading = loading

    def routes(self) -> list[Route]:
        """The route with its handler."""
        return [Route("POST", "/storage_service/sstables/{keyspace}", self._load)]

    def _load(self, parameters: Parameters) -> str:
        keyspace, name = parameters["keyspace"], parameters.get("cf", "")
        if not name:
            raise bad_request("Missing mandatory parameter 'cf'")
        with self._catalog.lock:
            validate_keyspace(self._catalog, keyspace)
        try:
            self._loading.load(keyspace, name)
        except LoadingError as error:
            raise RestError(500, f"Failed to load new sstables: {error}") from error
        return VOID
