"""A port of the node that is down, hangs, or drops connections: before the run, and in the middle of it."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.faults.commands import assert_error
from tests.faults.harness import Station


PORTS = {
    "alternator DescribeTable": "Alternator at http://127.0.0.1:",
    "cql CONNECT": "CQL at 127.0.0.1:",
    "cql DESCRIBE": "CQL at 127.0.0.1:",
    "rest GET /storage_service/hostid": "REST API at http://127.0.0.1:",
}.items()
"""Requests, and the port whose they are as errors name it."""


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("alternator.endpoint", "http://127.0.0.1:{}", ("Alternator at http://127.0.0.1:", "alternator.endpoint")),
        ("cql.port", "{}", ("CQL at 127.0.0.1:", "cql.port")),
        ("node.api_url", "http://127.0.0.1:{}", ("REST API at http://127.0.0.1:", "node.api_url")),
    ],
    ids=["alternator", "cql", "api"],
)
def test_a_port_that_is_down_says_which(
    station: Station, closed_port: int, key: str, value: str, words: tuple[str, ...]
) -> None:
    """Nobody listens on one of the three ports: 75, and the error names the port and its setting."""
    station.assert_refused("users", 75, *words, str(closed_port), settings={key: value.format(closed_port)})


@pytest.mark.parametrize(("endpoint", "words"), PORTS)
def test_a_port_that_does_not_answer_is_not_waited_for_forever(station: Station, endpoint: str, words: str) -> None:
    """A port hangs: 75 within the timeouts, and the port is named."""
    station.node.faults.set(endpoint, Fault("hang"))
    started = time.monotonic()
    result = station.run("backup", "users", settings={"node.timeout_seconds": "0.5"})
    assert time.monotonic() - started < 10
    station.assert_failed(result, 75, words)


@pytest.mark.parametrize(("endpoint", "words"), PORTS)
def test_a_port_that_drops_connections_is_named(station: Station, endpoint: str, words: str) -> None:
    """A port closes each connection without an answer: 75, and the port is named."""
    station.node.faults.set(endpoint, Fault("drop"))
    station.assert_refused("users", 75, words, settings={"node.timeout_seconds": "0.5"})


@pytest.mark.parametrize("port", ["alternator", "cql", "api"])
def test_a_node_that_dies_in_the_middle_of_a_run(node: Sandbox, tmp_path: Path, port: str) -> None:
    """A port goes down after the run has begun: 75; there is nothing to clear, and the next run finds it so."""
    station = Station(node, tmp_path)
    station.create("users")
    node.faults.set("cql DESCRIBE KEYSPACE", Fault("call", action=getattr(node, port).stop))
    assert_error(station.run("backup", "users", settings={"node.timeout_seconds": "1"}), 75)
    station.assert_clean()


def test_a_node_that_dies_after_the_snapshot_keeps_the_backup_and_the_journal(node: Sandbox, tmp_path: Path) -> None:
    """The files are there, so the backup completes; what could not be cleared is told, and cleared by the next run."""
    station = Station(node, tmp_path)
    station.create("users")
    node.faults.set("rest DELETE", Fault("drop"))
    result = station.run("backup", "users")
    assert result.returncode == 0
    assert "WARNING - Snapshot" in result.stderr
    assert "could not be cleared now, the next run tries again" in result.stderr
    assert len(station.journalled()) == 1
    assert len(station.snapshots()) == 3
    node.faults.clear()
    station.back_up("users")
    assert len(station.listed()) == 2


@pytest.mark.parametrize(
    ("code", "text"),
    [(0x1001, "too many in-flight requests"), (0x1200, "Operation timed out"), (0x0000, "std::bad_alloc")],
    ids=["overloaded", "timeout", "server error"],
)
def test_a_node_that_is_in_trouble_itself_can_be_asked_again(station: Station, code: int, text: str) -> None:
    """CQL's own errors about the node's state end with 75, in the node's words."""
    station.node.faults.set("cql DESCRIBE", Fault("error", (code, text)))
    station.assert_refused("users", 75, "CQL at 127.0.0.1:", "Try again")


def test_alternator_in_trouble_can_be_asked_again(station: Station) -> None:
    """A 500 of Alternator ends with 75, in the node's words."""
    answer = (500, ("InternalServerError", "std::bad_alloc (std::bad_alloc)"))
    station.node.faults.set("alternator DescribeTable", Fault("error", answer))
    station.assert_refused("users", 75, "DescribeTable", "bad_alloc", "Try again")


@pytest.mark.parametrize(
    ("key", "value", "exit_code", "words"),
    [
        ("alternator.endpoint", "http://127.0.0.1:99999", 78, ("alternator.endpoint:", "look like http://")),
        ("node.api_url", "127.0.0.1:10000", 78, ("node.api_url:", "look like http://")),
        ("alternator.ca_file", "nowhere.pem", 78, ("alternator.ca_file: there is no file", "nowhere.pem")),
        ("cql.host", "no-such-host.invalid", 75, ("CQL at no-such-host.invalid:", "cql.host")),
    ],
)
def test_an_address_that_cannot_be_one_is_named(
    station: Station, key: str, value: str, exit_code: int, words: tuple[str, ...]
) -> None:
    """A setting that leads nowhere is named by its key path; only what may come up later can be tried again."""
    station.assert_refused("users", exit_code, *words, settings={key: value})
