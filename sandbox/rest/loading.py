"""`POST /storage_service/sstables/{keyspace}`: what is in `upload/` is looked at, but can't be loaded yet."""

from sandbox.catalog import Catalog
from sandbox.column_families import find_column_family
from sandbox.data_directory import DataDirectory
from sandbox.rest.answers import VOID, RestError
from sandbox.rest.routing import Parameters, Route
from sandbox.rest.validation import no_such_column_family, validate_keyspace
from sandbox.sstables import is_component


# The server ignores these in upload/, for those who copy a snapshot as it is.
_IGNORED = {"manifest.json", "schema.cql"}


class LoadingRoutes:
    """The request that loads SSTables (`nodetool refresh`)."""

    def __init__(self, catalog: Catalog, data: DataDirectory) -> None:
        self._catalog = catalog
        self._data = data

    def routes(self) -> list[Route]:
        """The route with its handler."""
        return [Route("POST", "/storage_service/sstables/{keyspace}", self._load)]

    def _load(self, parameters: Parameters) -> str:
        keyspace, name = parameters["keyspace"], parameters.get("cf", "")
        with self._catalog.lock:
            validate_keyspace(self._catalog, keyspace)
            family = find_column_family(self._catalog, keyspace, name)
            if family is None:
                raise _failed(no_such_column_family(keyspace, name).message)
            names = [name for name in self._data.upload_names(family) if name not in _IGNORED]
        for name in names:
            if not is_component(name):
                raise _failed(
                    "sstables::malformed_sstable_exception"
                    f" (invalid version for file {name}. Name doesn't match any known version.)"
                )
        if names:
            raise _failed("the sandbox cannot load SSTables yet")
        return VOID


def _failed(reason: str) -> RestError:
    return RestError(500, f"Failed to load new sstables: {reason}")
