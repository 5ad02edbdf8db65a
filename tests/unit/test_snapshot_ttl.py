"""The safety net under our snapshots: servers that can do so are asked to clear them by themselves, some day."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from backup_core.cancel import CancelToken
from backup_core.model import Table
from backup_core.node.nodetool import Nodetool
from backup_core.node.rest import RestClient
from backup_core.snapshot_driver import SNAPSHOT_TTL, NodetoolSnapshotDriver, RestSnapshotDriver


USERS = Table("users", "220f8fd0aca211f0af61efb5703633f5")

VERSIONS = [
    ("5.4.9-0.20240703.b4b1a3d3b4e6", False),
    ("6.2.3-0.20250119.bd0a91e32fe7", False),
    ("2025.4.1-0.20251230.1a2b3c", False),
    ("2026.1.12-0.20261001.1a2b3c", False),
    ("2026.3.0~rc1-0.20260801.1a2b3c", True),
    ("2026.10.0-0.20261101.1a2b3c", True),
    ("2027.1.0-0.20270101.1a2b3c", True),
    ("666.development-0.20260801.1a2b3c", False),
]


class _Server(ThreadingHTTPServer):
    """A REST API that tells a version and takes any snapshot."""

    daemon_threads = True
    version: str | None
    requests: list[str]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.server.version is None:
            self._answer(404, b"Not found")
        else:
            self._answer(200, json.dumps(self.server.version).encode())

    def do_POST(self) -> None:
        self.server.requests.append(self.path)
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    """A server that plays any version."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.version, server.requests = None, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def rest(server: _Server) -> Iterator[RestClient]:
    """A client of it."""
    client = RestClient(f"http://127.0.0.1:{server.server_port}", CancelToken())
    yield client
    client.close()


@pytest.mark.parametrize(("version", "knows_it"), [*VERSIONS, (None, False)])
def test_a_server_that_knows_it_is_given_a_time_to_live(
    server: _Server, rest: RestClient, tmp_path: Path, version: str | None, knows_it: bool
) -> None:
    """From 2026.3 on, over the API and with nodetool; older servers, and those that don't tell, get what they know."""
    server.version = version
    RestSnapshotDriver(rest).take("1733313018", USERS)
    (path,) = server.requests
    asked = {"tag": ["1733313018"], "kn": ["alternator_users"], "cf": ["users"]}
    assert parse_qs(urlsplit(path).query) == asked | ({"ttl": [SNAPSHOT_TTL]} if knows_it else {})

    told = tmp_path / "told"
    nodetool = Nodetool(("sh", "-c", f'printf "%s\\n" "$@" > {told}', "nodetool"), CancelToken())
    NodetoolSnapshotDriver(nodetool, rest).take("1733313018", USERS)
    ttl = ["--ttl", SNAPSHOT_TTL] if knows_it else []
    assert told.read_text().splitlines() == ["snapshot", "-t", "1733313018", *ttl, "-kt", "alternator_users/users"]
