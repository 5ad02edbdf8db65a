"""What the sandbox's servers stand on: a thread for each connection, and an end to all of them at once."""

import socket
import socketserver
import threading
from typing import Any


class ThreadedServer(socketserver.ThreadingTCPServer):
    """Binds at once, so that its port is known; serves each connection in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, *args: Any) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note a connection and serve it."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        """Refuse connections from now on, and end those that are open."""
        self.server_close()
        with self._lock:
            for connection in self._connections:
                # The thread that serves it may be closing it at this moment.
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no event here."""
