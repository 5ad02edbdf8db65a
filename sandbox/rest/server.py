"""The REST API of the sandbox node: snapshots, ring, keyspaces, and what the node tells of itself."""

from urllib.parse import unquote

from sandbox.catalog import Catalog
from sandbox.data_directory import DataDirectory
from sandbox.faults import Fault, Faults
from sandbox.http_server import HttpServer, Request, Response
from sandbox.loading import Loading
from sandbox.rest.answers import RestError, error_body
from sandbox.rest.information import InformationRoutes
from sandbox.rest.keyspaces import KeyspaceRoutes
from sandbox.rest.loading import LoadingRoutes
from sandbox.rest.ring import RingRoutes
from sandbox.rest.routing import Router
from sandbox.rest.snapshots import SnapshotRoutes
from sandbox.view_updates import ViewUpdates


_JSON = "application/json"


class RestServer(HttpServer):
    """The server behind `api_port`. Nobody is asked for credentials, as on the real one.

    For the fault switches a request is called `rest <method> <path>?<query>`, decoded; the answer of an `error` fault
    is (status, message).
    """

    def __init__(
        self,
        catalog: Catalog,
        data: DataDirectory,
        views: ViewUpdates,
        faults: Faults,
        *,
        port: int = 0,
        alternator_port: int,
    ) -> None:
        super().__init__(faults, port=port)
        information = InformationRoutes(catalog, data, alternator_port=alternator_port, api_port=self.port)
        subjects = (
            SnapshotRoutes(catalog, data),
            RingRoutes(catalog),
            KeyspaceRoutes(catalog, data, views),
            LoadingRoutes(catalog, Loading(catalog, data, faults)),
            information,
        )
        self._router = Router(route for subject in subjects for route in subject.routes())

    def endpoint(self, request: Request) -> str:
        """Name of the request for the fault switches."""
        return f"rest {request.method} {unquote(request.target)}"

    def answer(self, request: Request) -> Response:
        """Do what the request asks for."""
        try:
            body = self._router.answer(request.method, request.path, request.query)
        except RestError as error:
            return _error(error.status, error.message)
        except OSError as error:
            return _error(500, f"storage_io_error (Storage I/O error: {error.errno}: {error.strerror})")
        return Response(200, body.encode(), _JSON)

    def fault_response(self, fault: Fault) -> Response:
        """The answer of an `error` fault."""
        status, message = fault.answer
        return _error(status, message)


def _error(status: int, message: str) -> Response:
    return Response(status, error_body(status, message).encode(), _JSON)
