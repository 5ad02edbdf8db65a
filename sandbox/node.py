"""The sandbox node: one state, a data directory and three servers on loopback."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.alternator.server import AlternatorServer
from sandbox.catalog import Catalog
from sandbox.cql.server import CqlServer
from sandbox.data_directory import DataDirectory
from sandbox.faults import Faults
from sandbox.items import Items
from sandbox.rest.server import RestServer
from sandbox.version import VERSIONS


class Sandbox:
    """A stand-in for one ScyllaDB node on loopback, as a context manager.

    Args:
        version: a key of `sandbox.version.VERSIONS`.
        directory: where the node's data directory is made; a temporary one if None, removed at the end.
        authorization: CQL and Alternator ask for credentials; the first role is cassandra / cassandra.
        auto_snapshot: DeleteTable leaves a `pre-drop-...` snapshot, as in real life.
        alternator_port, cql_port, api_port: 0 picks free ones.

    Attributes:
        catalog, items, data, faults: the node's state, for tests to look at and to change.
        alternator, cql, api: the three servers (`.host`, `.port`, `.url`).
    """

    def __init__(
        self,
        version: str = "6.2",
        *,
        directory: Path | None = None,
        authorization: bool = False,
        auto_snapshot: bool = True,
        alternator_port: int = 0,
        cql_port: int = 0,
        api_port: int = 0,
    ) -> None:
        self._stack = ExitStack()
        if directory is None:
            directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-")))
        self.catalog = Catalog(VERSIONS[version], enforce_authorization=authorization)
        self.faults = Faults()
        self.items = Items(self.catalog)
        self.data = DataDirectory(directory / "data", self.catalog, self.items, auto_snapshot=auto_snapshot)
        self.alternator = AlternatorServer(self.catalog, self.items, self.data, self.faults, port=alternator_port)
        self.cql = CqlServer(self.catalog, self.faults, port=cql_port)
        self.api = RestServer(self.catalog, self.data, self.faults, port=api_port, alternator_port=self.alternator.port)

    @property
    def data_directory(self) -> Path:
        """The node's data directory: `<keyspace>/<table>-<32 hex>/` below it."""
        return self.data.root

    def __enter__(self) -> Self:
        for server in (self.alternator, self.cql, self.api):
            server.start()
            self._stack.callback(server.stop)
        self._stack.callback(self.faults.clear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()
