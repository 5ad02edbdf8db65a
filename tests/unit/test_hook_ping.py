"""Pings against a real server that is slow, broken, or away."""

import socket
import time

import pytest

from daemon.hook_ping import ping
from tests.ping_server import Manner, ping_server


def test_a_ping_arrives() -> None:
    """The URL is asked for, once, by us."""
    with ping_server() as server:
        ping(f"{server.url}/start", 10)
        assert server.asked == ["/s3cret/start"]
        assert server.agents[0].startswith("alternator-backup/")


def test_an_error_is_told_by_its_status() -> None:
    """A status that is an error is one, with the host and without the URL."""
    with ping_server("refuse") as server, pytest.raises(ConnectionError) as caught:
        ping(server.url, 10)
    assert str(caught.value) == "127.0.0.1: HTTP status 500"


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_a_server_that_takes_too_long(manner: Manner) -> None:
    """The time limit is for all of the answer, however it comes."""
    with ping_server(manner) as server:
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=r"127\.0\.0\.1 has not answered in 0\.3 s"):
            ping(server.url, 0.3)
        assert time.monotonic() - started < 5


def test_nobody_there() -> None:
    """A port where nobody listens is told as the system tells it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError) as caught:
            ping(f"http://127.0.0.1:{held.getsockname()[1]}/s3cret", 10)
    assert "Connection refused" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_what_is_no_http_does_not_bring_the_url_into_the_log() -> None:
    """An answer that repeats the URL isn't repeated."""
    with ping_server("babble") as server, pytest.raises(ConnectionError) as caught:
        ping(server.url, 10)
    assert str(caught.value) == "127.0.0.1: BadStatusLine"


def test_a_name_that_is_none() -> None:
    """A host that doesn't resolve is told."""
    with pytest.raises((ConnectionError, TimeoutError)) as caught:
        ping("http://no.such.host.invalid/s3cret", 10)
    assert "s3cret" not in str(caught.value)
