"""A proxy in front of an S3 server that lets chosen requests go wrong, each in its own way."""

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit


BLOCK_BYTES = 1 << 16
WAIT_SECONDS = 30.0


class Fault(Protocol):
    """What happens to a request instead of its being passed on."""

    def __call__(self, request: "Request") -> None:
        """Deal with it."""


@dataclass
class _Rule:
    operation: str
    fault: Fault
    skip: int
    times: int


class S3Proxy(ThreadingHTTPServer):
    """Passes requests on, but for those that were to go wrong.

    Attributes:
        operations: those that came, in their order, by the names that S3 has for them.
        closing: set when the proxy ends.
    """

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.upstream = urlsplit(upstream).netloc
        self.operations: list[str] = []
        self.closing = threading.Event()
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fail(self, operation: str, fault: Fault, *, skip: int = 0, times: int = 1_000_000) -> None:
        """Let requests go wrong from now on: after `skip` of them the next `times`."""
        with self._lock:
            self._rules.append(_Rule(operation, fault, skip, times))

    def mend(self) -> None:
        """Pass everything on from now on, and forget what came."""
        with self._lock:
            self._rules.clear()
            self.operations.clear()

    def count(self, operation: str) -> int:
        """How often it was asked for."""
        return self.operations.count(operation)

    def fault_for(self, operation: str) -> Fault | None:
        """What happens to a request that came now."""
        with self._lock:
            self.operations.append(operation)
            for rule in self._rules:
                if rule.operation != operation or not rule.times:
                    continue
                if not rule.skip:
                    rule.times -= 1
                    return rule.fault
                rule.skip -= 1
            return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are what this is for."""


class Request(BaseHTTPRequestHandler):
    """A request that came, and what can be done with it."""

    protocol_version = "HTTP/1.1"
    server: S3Proxy

    def handle_request(self) -> None:
        """Whatever it is for."""
        fault = self.server.fault_for(self.operation)
        if fault is None:
            self.pass_on()
        else:
            fault(self)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_request  # noqa: N815  (the base class's)

    @property
    def operation(self) -> str:
        """What S3 calls it."""
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        for name, (method, parameter) in _OPERATIONS.items():
            if self.command == method and (not parameter or parameter in query):
                return name
        raise AssertionError(self.path)

    @property
    def size_bytes(self) -> int:
        """Of its body."""
        return int(self.headers.get("Content-Length", 0))

    def pass_on(self, *, answer: "Callable[[http.client.HTTPResponse], None] | None" = None) -> None:
        """Have the server answer; `answer` hands that on, and does so whole if it isn't given."""
        body = self.rfile.read(self.size_bytes)
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=WAIT_SECONDS)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"expect", "connection"}:
                    upstream.putheader(name, value)
            upstream.endheaders(body or None)
            (answer or self.hand_on)(upstream.getresponse())
        finally:
            upstream.close()

    def hand_on(self, response: http.client.HTTPResponse, most_bytes: int | None = None) -> None:
        """Answer what the server has answered, or no more than the beginning of it."""
        body = response.read()
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", response.getheader("Content-Length") or str(len(body)))
        self.end_headers()
        self.wfile.write(body if most_bytes is None else body[:most_bytes])

    def answer(self, status: int, body: bytes) -> None:
        """Answer something of the proxy's own."""
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def reset(self) -> None:
        """Break the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.wfile.close()
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the base class)
        """Say nothing."""


def error(code: str) -> bytes:
    """What S3 says when it refuses."""
    return f"<Error><Code>{code}</Code><Message>The proxy says so</Message></Error>".encode()


def answers(status: int, body: bytes) -> Fault:
    """An answer that the server hasn't given, which hears nothing of the request."""

    def fault(request: Request) -> None:
        request.rfile.read(request.size_bytes)
        request.answer(status, body)

    return fault


def does_and_answers(status: int, body: bytes) -> Fault:
    """The server does it, and another answer than its own is told."""
    return lambda request: request.pass_on(answer=lambda _: request.answer(status, body))


def breaks_off(after_bytes: int) -> Fault:
    """The connection breaks when so much of the body has come."""

    def fault(request: Request) -> None:
        request.rfile.read(after_bytes)
        request.reset()

    return fault


def hangs(request: Request) -> None:
    """No answer ever comes."""
    request.server.closing.wait()
    request.reset()


def loses_the_answer(request: Request) -> None:
    """The server does it, and nobody hears of it."""
    request.pass_on(answer=lambda _: request.reset())


def cuts(after_bytes: int) -> Fault:
    """The connection breaks when so much of the answer has gone out."""

    def cut(request: Request, response: http.client.HTTPResponse) -> None:
        request.hand_on(response, after_bytes)
        request.reset()

    return lambda request: request.pass_on(answer=lambda response: cut(request, response))


def and_then(action: Callable[[], object]) -> Fault:
    """The server does it; something else happens before it is told."""

    def acted(request: Request, response: http.client.HTTPResponse) -> None:
        action()
        request.hand_on(response)

    return lambda request: request.pass_on(answer=lambda response: acted(request, response))


def damages(request: Request) -> None:
    """A bit of the body falls over on its way."""
    body = bytearray(request.rfile.read(request.size_bytes))
    body[len(body) // 2] ^= 1
    request.rfile = BytesIO(body)
    request.pass_on()


def drips(bytes_per_second: int) -> Fault:
    """The body is taken slowly, on a line that holds little of it."""

    def fault(request: Request) -> None:
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BLOCK_BYTES)
        left_bytes, body = request.size_bytes, BytesIO()
        while left_bytes:
            body.write(request.rfile.read(min(BLOCK_BYTES, left_bytes)))
            left_bytes = request.size_bytes - body.tell()
            request.server.closing.wait(BLOCK_BYTES / bytes_per_second)
        body.seek(0)
        request.rfile = body
        request.pass_on()

    return fault


@contextmanager
def proxied(upstream: str) -> Iterator[S3Proxy]:
    """A proxy in front of a server, for the block."""
    proxy = S3Proxy(upstream)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        proxy.shutdown()
        proxy.server_close()
        thread.join(WAIT_SECONDS)


_OPERATIONS = {
    "ListMultipartUploads": ("GET", "uploads"),
    "ListParts": ("GET", "uploadId"),
    "ListObjects": ("GET", "list-type"),
    "GetObject": ("GET", ""),
    "HeadObject": ("HEAD", ""),
    "UploadPart": ("PUT", "partNumber"),
    "PutObject": ("PUT", ""),
    "CreateMultipartUpload": ("POST", "uploads"),
    "CompleteMultipartUpload": ("POST", "uploadId"),
    "DeleteObjects": ("POST", "delete"),
    "AbortMultipartUpload": ("DELETE", "uploadId"),
    "DeleteObject": ("DELETE", ""),
}
"""By what they are known: method, and a parameter of the query; the first that fits."""
