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
from sandbox.view_updates import ViewUpdates


_ABORTED = "aborted"


class NodeCannotStartError(Exception):
    """The node does not start: the schema in its data directory fails an assertion, at every start."""


class Sandbox:
    """A stand-in for one ScyllaDB node on loopback, as a context manager.

    Args:
        version: a key of `sandbox.version.VERSIONS`.
        directory: where the node's data directory is made; a temporary one if None, removed at the end.
        authorization: CQL and Alternator ask for credentials; the first role is cassandra / cassandra.
        racks: how many racks the node says that its cluster has.
        auto_snapshot: DeleteTable leaves a `pre-drop-...` snapshot, as in real life.
        user_id: the user and group that the node plays, which its directories then belong to and files in `upload/`
            must; that of this process if None. Only root can choose.
        view_delay_seconds: how long the views of indexes take for each SSTable that was loaded, or for a table that
            was there before them; 0 fills them before the request is answered.
        index_memory_seconds: how long the indexes of a dropped table are remembered, where the version does that.
        alternator_port, cql_port, api_port: 0 picks free ones.

    Attributes:
        catalog, items, data, views, faults: the node's state, for tests to look at and to change.
        alternator, cql, api: the three servers (`.host`, `.port`, `.url`).

    Raises:
        NodeCannotStartError: a node in that directory ended with a schema that no node can start with.
    """

    def __init__(
        self,
        version: str = "6.2",
        *,
        directory: Path | None = None,
        authorization: bool = False,
        racks: int = 1,
        auto_snapshot: bool = True,
        user_id: int | None = None,
        view_delay_seconds: float = 0.05,
        index_memory_seconds: float = 2.0,
        alternator_port: int = 0,
        cql_port: int = 0,
        api_port: int = 0,
    ) -> None:
        self._stack = ExitStack()
        if directory is None:
            directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-")))
        self._aborted = directory / _ABORTED
        if self._aborted.exists():
            raise NodeCannotStartError(self._aborted.read_text())
        self.catalog = Catalog(
            VERSIONS[version],
            enforce_authorization=authorization,
            racks=racks,
            index_memory_seconds=index_memory_seconds,
        )
        self.catalog.abort = self._abort
        self.faults = Faults()
        self.items = Items(self.catalog)
        self.views = ViewUpdates(self.catalog, self.items, delay_seconds=view_delay_seconds)
        self.data = DataDirectory(
            directory / "data", self.catalog, self.items, self.views, auto_snapshot=auto_snapshot, user_id=user_id
        )
        self.alternator = AlternatorServer(
            self.catalog, self.items, self.data, self.views, self.faults, port=alternator_port
        )
        self.cql = CqlServer(self.catalog, self.faults, port=cql_port)
        self.api = RestServer(
            self.catalog, self.data, self.views, self.faults, port=api_port, alternator_port=self.alternator.port
        )

    @property
    def data_directory(self) -> Path:
        """The node's data directory: `<keyspace>/<table>-<32 hex>/` below it."""
        return self.data.root

    def __enter__(self) -> Self:
        for part in (self.views, self.alternator, self.cql, self.api):
            part.start()
            self._stack.callback(part.stop)
        self._stack.callback(self.faults.clear)
        return self

    def _abort(self, assertion: str) -> None:
        """What the real node's process does: all ports are closed, and so it ends at each start on that directory."""
        self._aborted.parent.mkdir(parents=True, exist_ok=True)
        self._aborted.write_text(assertion)
        for server in (self.alternator, self.cql, self.api):
            server.stop()
        self.views.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()
