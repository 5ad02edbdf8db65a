"""The CQL server: the native protocol on a port of its own."""

import socketserver
import threading
from typing import BinaryIO, cast

from sandbox.catalog import Catalog
from sandbox.cql.connection import Connection
from sandbox.cql.session import PreparedStatements
from sandbox.faults import Faults
from sandbox.tcp_server import ThreadedServer


class CqlServer:
    """Binds at once, so that its port is known; serves from `start` to `stop`.

    Args:
        catalog: the node's state.
        faults: its fault switches.
        host: an address on loopback.
        port: 0 picks a free one.
    """

    def __init__(self, catalog: Catalog, faults: Faults, *, host: str = "127.0.0.1", port: int = 0) -> None:
        prepared = PreparedStatements()

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                incoming = cast("BinaryIO", self.rfile)
                Connection(catalog, prepared, faults, incoming=incoming, send=self.request.sendall).serve()

        self._server = ThreadedServer((host, port), Handler)
        self.host = host
        self.port: int = self._server.server_address[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on and close those that are open: the port is down."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.close_all()
