"""The HTTP server for Prometheus and for whoever asks whether the daemon is alive: `/metrics` and `/healthz`."""

import json
import socket
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


CLIENT_SECONDS = 10.0
"""A client that is slower than this to ask, or to take the answer, is dropped."""

CLIENTS = 32
"""So many are served at a time."""

CLOSE_POLL_SECONDS = 0.1

TEXT = "text/plain; charset=utf-8"

Problems = Callable[[], Sequence[str]]
"""What keeps the daemon from its work at this moment, a sentence each; nothing if it is alive and well."""


class HealthServer:
    """Answers from threads of its own until it is closed.

    Args:
        address: host and port; 0 picks a free one.
        registry: what `/metrics` shows.
        problems: what `/healthz` says.

    Raises:
        OSError: the address can't be had.
    """

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, problems: Problems) -> None:
        self._server = _Server(address, registry, problems)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(CLOSE_POLL_SECONDS,), name="health", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._server.socket.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Stop listening; answers that are under way end by themselves."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = False  # newer Pythons turn it on, and two daemons would share the port and not know it
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], registry: CollectorRegistry, problems: Problems) -> None:
        self.registry = registry
        self.problems = problems
        self._places = threading.BoundedSemaphore(CLIENTS)
        family, _, _, _, resolved = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
        self.address_family = family
        super().__init__((str(resolved[0]), int(resolved[1])), _Handler)

    def server_bind(self) -> None:
        """Unlike HTTPServer's, it asks no name server what this address is called, which can take long."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Turn away who comes when too many are there already: their threads are taken from backups."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be had
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One answer, in its own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, *_: object) -> None:
        """Nothing: what is left to go wrong is a client that goes away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_SECONDS

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/metrics":
            self._answer_metrics()
        elif path == "/healthz":
            self._answer_health()
        else:
            self._answer(HTTPStatus.NOT_FOUND, TEXT, b"Here are /metrics and /healthz.\n")

    do_HEAD = do_GET  # noqa: N815  (likewise)

    def log_message(self, *_: Any) -> None:
        """Nothing: a line for each scrape would drown the log."""

    def _answer_metrics(self) -> None:
        encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
        try:
            body = encoder(self.server.registry)
        except Exception as error:  # noqa: BLE001  (to Prometheus the daemon is down then, and says why)
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, TEXT, f"{type(error).__name__}: {error}\n".encode())
        else:
            self._answer(HTTPStatus.OK, content_type, body)

    def _answer_health(self) -> None:
        try:
            problems = list(self.server.problems())
        except Exception as error:  # noqa: BLE001  (a check that breaks is no sign of life)
            problems = [f"The check of the daemon's health broke: {type(error).__name__}: {error}"]
        body = json.dumps({"alive": not problems, "problems": problems}) + "\n"
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        self._answer(status, "application/json", body.encode())

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
