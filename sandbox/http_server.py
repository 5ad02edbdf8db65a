"""The HTTP server under Alternator and the REST API: threads, keep-alive, and the fault switches."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.faults import Fault, Faults
from sandbox.tcp_server import ThreadedServer


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: `path` is decoded, `target` is the undecoded path with its query string.

    `client` is the address that it came from.
    """

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    client: str


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes
    content_type: str


class HttpServer:
    """Binds at once, so that its port is known; serves from `start` to `stop`.

    A subclass says what the endpoint of a request is called for the fault switches, how it is answered, and what an
    error that a switch asks for looks like.
    """

    def __init__(self, faults: Faults, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._faults = faults
        self._stopping = threading.Event()
        server = self

        class Handler(_Handler):
            owner = server

        self._httpd = _Server((host, port), Handler)
        self.host = host
        self.port: int = self._httpd.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self) -> None:
        """Serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on and close those that are open: the port is down."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread.is_alive():
            self._httpd.shutdown()
        self._httpd.close_all()

    def endpoint(self, request: Request) -> str:
        """Name of the request for the fault switches."""
        raise NotImplementedError

    def answer(self, request: Request) -> Response:
        """Do what the request asks for."""
        raise NotImplementedError

    def fault_response(self, fault: Fault) -> Response:
        """The answer of an `error` fault."""
        raise NotImplementedError

    def respond(self, request: Request) -> Response | None:
        """The answer with the switches applied; None closes the connection without one."""
        fault = self._faults.take(self.endpoint(request))
        if fault is None:
            return self.answer(request)
        if fault.kind == "error":
            return self.fault_response(fault)
        if fault.kind == "work_then_hang":
            self.answer(request)
        if fault.kind != "drop":
            self._faults.hang()
        return None


class _Server(ThreadedServer, HTTPServer):
    """Both at once: ThreadingHTTPServer can't close what is open."""


class _Handler(BaseHTTPRequestHandler):
    owner: HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            target=self.path,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            client=self.client_address[0],
        )
        response = self.owner.respond(request)
        if response is None:
            self.close_connection = True
            return
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815  (named by the standard library)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing: the sandbox's users look at their own output."""
