"""The HTTP server: what it answers, and that nothing keeps it from answering."""

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.registry import Collector

from daemon.health import CLIENTS, HealthServer
from tests.scrape import get, scrape


DEADLINE_SECONDS = 20


@pytest.fixture
def registry() -> CollectorRegistry:
    """One gauge."""
    made = CollectorRegistry()
    Gauge("answer", "To everything", registry=made).set(42)
    return made


@pytest.fixture
def address(registry: CollectorRegistry) -> Iterator[tuple[str, int]]:
    """Where a server of that registry listens, of a daemon that is well."""
    server = HealthServer(("127.0.0.1", 0), registry, tuple)
    yield server.address
    server.close()


def health(problems: Callable[[], list[str]]) -> tuple[int, dict[str, object]]:
    """What a daemon with these problems answers."""
    server = HealthServer(("127.0.0.1", 0), CollectorRegistry(), problems)
    try:
        status, headers, body = get(server.address, "/healthz")
    finally:
        server.close()
    assert headers["Content-Type"] == "application/json"
    return status, json.loads(body)


def test_metrics_are_served(address: tuple[str, int]) -> None:
    """/metrics is Prometheus's text format."""
    status, headers, _ = get(address, "/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert scrape(address) == {"answer": 42}


def test_openmetrics_is_served_to_who_asks_for_it(address: tuple[str, int]) -> None:
    """Prometheus itself asks for OpenMetrics and gets it."""
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    status, headers, body = get(address, "/metrics", Accept=accept)
    assert status == 200
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_a_daemon_that_is_well() -> None:
    """Without problems /healthz is 200."""
    assert health(list) == (200, {"alive": True, "problems": []})


def test_a_daemon_that_is_not_says_why() -> None:
    """With problems it is 503, and the body has all of them."""
    problems = ["The scheduler's thread is gone.", "Step archive has passed its deadline."]
    assert health(lambda: problems) == (503, {"alive": False, "problems": problems})


def test_a_check_that_breaks_is_no_sign_of_life() -> None:
    """Where nobody can tell, the daemon isn't called alive."""

    def check() -> list[str]:
        raise RuntimeError("no idea")

    status, answer = health(check)
    assert status == 503
    assert answer["problems"] == ["The check of the daemon's health broke: RuntimeError: no idea"]


def test_health_is_asked_anew_each_time() -> None:
    """A daemon that gets well is told to be."""
    problems = ["ill"]
    server = HealthServer(("127.0.0.1", 0), CollectorRegistry(), lambda: problems)
    assert get(server.address, "/healthz")[0] == 503
    problems.clear()
    assert get(server.address, "/healthz?verbose=1")[0] == 200
    server.close()


class Broken(Collector):
    """Breaks when it is asked, but not when it is registered."""

    def describe(self) -> list[object]:
        """Nothing."""
        return []

    def collect(self) -> list[object]:
        """Never returns."""
        raise RuntimeError("no idea")


def test_a_metric_that_breaks_is_an_answer(
    address: tuple[str, int], registry: CollectorRegistry, capfd: pytest.CaptureFixture[str]
) -> None:
    """Prometheus gets status 500 with the reason, standard error stays clean, and health is still told."""
    registry.register(Broken())
    status, _, body = get(address, "/metrics")
    assert (status, body) == (500, "RuntimeError: no idea\n")
    assert get(address, "/healthz")[0] == 200
    assert capfd.readouterr().err == ""


def test_other_paths_tell_where_to_look(address: tuple[str, int]) -> None:
    """Whoever opens the address in a browser learns what there is."""
    status, _, body = get(address, "/")
    assert status == 404
    assert "/metrics" in body
    assert "/healthz" in body


def test_head_has_no_body(address: tuple[str, int]) -> None:
    """HEAD is GET without the body; other methods there are none."""
    for method, status in (("HEAD", b"200"), ("POST", b"501")):
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(f"{method} /healthz HTTP/1.0\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert answer.split(b" ")[1] == status
        assert method == "POST" or answer.endswith(b"\r\n\r\n")


def test_clients_that_hang_or_vanish_block_nobody(address: tuple[str, int], capfd: pytest.CaptureFixture[str]) -> None:
    """Connections that say nothing, or go in the middle, take nothing from others, and no line of the log."""
    silent = [socket.create_connection(address) for _ in range(20)]
    gone = socket.create_connection(address)
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    gone.sendall(b"GET /metr")
    gone.close()
    assert scrape(address) == {"answer": 42}
    for connection in silent:
        connection.close()
    assert capfd.readouterr().err == ""


def test_too_many_clients_are_turned_away(address: tuple[str, int]) -> None:
    """Those who hang take a limited number of threads; who comes then is let go, until there is room again."""
    silent = [socket.create_connection(address, timeout=10) for _ in range(CLIENTS)]
    with socket.create_connection(address, timeout=10) as late:
        assert late.recv(1) == b""
    for connection in silent:
        connection.close()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            assert scrape(address) == {"answer": 42}
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_closed_server_frees_its_port(registry: CollectorRegistry) -> None:
    """A reload can listen where the former server did."""
    first = HealthServer(("127.0.0.1", 0), registry, tuple)
    address = first.address
    scrape(address)
    first.close()
    second = HealthServer(address, registry, tuple)
    assert scrape(address) == {"answer": 42}
    second.close()


def test_ipv6(registry: CollectorRegistry) -> None:
    """An IPv6 address works, where the machine has it."""
    try:
        server = HealthServer(("::1", 0), registry, tuple)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert scrape(server.address) == {"answer": 42}
    server.close()
