"""Where the server for metrics listens, before and after a reload."""

import socket
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from backup_core.errors import SettingsError
from backup_core.events import METRICS_UNAVAILABLE
from daemon.listening import Listening
from tests.repository_backups import RecordingReporter
from tests.scrape import get


ANYWHERE = "127.0.0.1:0"


@pytest.fixture
def reporter() -> RecordingReporter:
    """Hears of an address that can't be had."""
    return RecordingReporter()


@pytest.fixture
def listening(reporter: RecordingReporter) -> Iterator[Listening]:
    """A daemon's, which is well."""
    listening = Listening(CollectorRegistry(), tuple, reporter)
    yield listening
    listening.close()


@pytest.fixture
def taken() -> Iterator[str]:
    """Where another process listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


@pytest.fixture
def free() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        return f"127.0.0.1:{other.getsockname()[1]}"


def port(listening: Listening) -> int:
    """The port that answers."""
    assert listening.server is not None
    assert get(listening.server.address, "/healthz")[0] == 200
    return listening.server.address[1]


def test_no_address_is_no_server(listening: Listening, reporter: RecordingReporter) -> None:
    """With `listen = ""` nothing listens, and nothing is said."""
    listening.begin("")
    assert listening.server is None
    assert reporter.events == []


def test_a_taken_port_is_reported_and_stops_nothing(
    listening: Listening, reporter: RecordingReporter, taken: str
) -> None:
    """Where another process listens, or a second daemon of ours, there is one error that says where and what to do."""
    listening.begin(taken)
    [(name, fields)] = reporter.events
    assert (name, fields["listen"], listening.server) == (METRICS_UNAVAILABLE, taken, None)
    assert isinstance(fields["error"], SettingsError)
    assert str(fields["error"]).startswith(f"metrics.listen: {taken} can't be had: Address already in use.")


@pytest.mark.parametrize("listen", ["192.0.2.1:0", "no.such.host.invalid:0"])
def test_a_host_that_is_none_is_reported(listening: Listening, reporter: RecordingReporter, listen: str) -> None:
    """A name that doesn't resolve, or an address of another machine, stops nothing either."""
    listening.begin(listen)
    assert [name for name, _ in reporter.events] == [METRICS_UNAVAILABLE]


def test_a_reload_to_a_taken_port_closed_the_old_one(
    listening: Listening, reporter: RecordingReporter, taken: str
) -> None:
    """It is refused before anything else is done, and the old address answers as before."""
    listening.begin(ANYWHERE)
    before = port(listening)
    with pytest.raises(SettingsError, match="can't be had"), listening.moving(taken):
        pytest.fail("nothing else may be done")
    assert port(listening) == before
    assert reporter.events == []


@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0"])  # noqa: S104  (as operators do)
def test_a_reload_moves_to_other_addresses_with_the_same_port(listening: Listening, free: str, host: str) -> None:
    """The old server is in the way of the new one, and goes first."""
    listening.begin(free)
    before = port(listening)
    with listening.moving(f"{host}:{before}"):
        pass
    assert port(listening) == before
    assert listening.server is not None
    assert listening.server.address[0] == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_a_reload_that_fails_otherwise_leaves_the_server_where_it_was(
    listening: Listening, free: str, host: str
) -> None:
    """Also where the port is the same, so that the old server had to go."""
    listening.begin(free)
    before = port(listening)
    with pytest.raises(RuntimeError), listening.moving(f"{host}:{before}"):
        raise RuntimeError("the log can't be had")
    assert port(listening) == before


def test_a_reload_can_end_it(listening: Listening) -> None:
    """With `listen = ""` nothing listens any more."""
    listening.begin(ANYWHERE)
    with listening.moving(""):
        port(listening)
    assert listening.server is None
