"""Calling doctor in tests, and the node's REST API as an operator calls it."""

import json
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from sandbox.example_tables import ExampleTable, ExampleTables
from sandbox.node import Sandbox
from tests.conftest import Cli


class Found(NamedTuple):
    """What doctor says, check by check."""

    exit_code: int
    findings: tuple[dict[str, str], ...]

    @property
    def states(self) -> dict[str, str]:
        """The last state of each check."""
        return {finding["check"]: finding["state"] for finding in self.findings}

    def of(self, check: str, state: str) -> list[dict[str, str]]:
        """The findings of a check that have this state."""
        return [finding for finding in self.findings if (finding["check"], finding["state"]) == (check, state)]


def examine(cli: Cli, *arguments: str, env: dict[str, str] | None = None) -> Found:
    """Call `doctor --json`, which prints nothing else."""
    ended = cli("doctor", "--json", *arguments, env=env)
    assert ended.stderr == ""
    return Found(ended.returncode, tuple(json.loads(ended.stdout)))


def make_table(node: Sandbox, name: str, items: int = 10) -> None:
    """A table with a text key."""
    tables = ExampleTables(node.alternator.url)
    tables.make(ExampleTable(name, {"pk": "S"}, items=items))
    tables.close()


def take_snapshot(node: Sandbox, tag: str, table: str) -> None:
    """A snapshot that isn't ours."""
    query = urlencode({"tag": tag, "kn": f"alternator_{table}", "cf": table})
    request("POST", f"{node.api.url}/storage_service/snapshots?{query}")


def drop_table(node: Sandbox, name: str) -> None:
    """DeleteTable, as any client asks for it."""
    headers = {"X-Amz-Target": "DynamoDB_20120810.DeleteTable", "Content-Type": "application/x-amz-json-1.0"}
    request("POST", node.alternator.url, body=json.dumps({"TableName": name}), headers=headers)


def request(method: str, url: str, *, body: str | None = None, headers: dict[str, str] | None = None) -> None:
    """Send a request that has to succeed."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection.request(method, url.removeprefix(f"http://{parts.netloc}") or "/", body=body, headers=headers or {})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    connection.close()
