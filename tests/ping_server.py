"""A small HTTP server that is pinged: answers, refuses, hangs, or drips."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal


Manner = Literal["answer", "refuse", "hang", "drip", "babble"]


class PingServer(ThreadingHTTPServer):
    """Remembers who asked for what.

    Attributes:
        manner: how it answers from now on.
        asked: paths, in the order in which they were asked for.
        agents: what asked.
    """

    daemon_threads = True

    def __init__(self, manner: Manner) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = manner
        self.asked: list[str] = []
        self.agents: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Where it is, with a path that is a secret."""
        return f"http://127.0.0.1:{self.server_address[1]}/s3cret"


class _Handler(BaseHTTPRequestHandler):
    server: PingServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.agents.append(self.headers["User-Agent"])
        if self.server.manner == "hang":
            self.server.closing.wait(60)
        elif self.server.manner == "drip":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            while not self.server.closing.wait(0.05):
                self.wfile.write(b"X-Drip: x\r\n")
        elif self.server.manner == "babble":
            self.wfile.write(f"{self.path} is what you asked for\r\n\r\n".encode())
        else:
            self.send_response(200 if self.server.manner == "answer" else 500)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def ping_server(manner: Manner = "answer") -> Iterator[PingServer]:
    """A server for the block."""
    server = PingServer(manner)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()
