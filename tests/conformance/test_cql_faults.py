"""Faults that are switched on over CQL, as the driver meets them."""

import time

import pytest
from cassandra import DriverException, InvalidRequest, OperationTimedOut
from cassandra.cluster import NoHostAvailable

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.cql_client import connected


STATEMENT = "SELECT host_id FROM system.local"


@pytest.mark.parametrize("code", [0x0000, 0x1000, 0x1001, 0x1100, 0x1200])
def test_error_is_answered_instead(code: int) -> None:
    """The message that the switch gives comes back under its code, whatever more the protocol wants with that code."""
    with Sandbox() as sandbox, connected(sandbox.cql) as session:
        sandbox.faults.set("cql DESCRIBE", Fault("error", answer=(code, "made to fail")))
        # The driver tries some of these again by itself, and then has no node left.
        with pytest.raises((DriverException, NoHostAvailable)) as raised:
            session.execute("DESCRIBE CLUSTER")
        causes = getattr(raised.value, "errors", {"": raised.value})
        assert all(f"code={code:04x}" in str(cause) and "made to fail" in str(cause) for cause in causes.values())
        assert session.execute(STATEMENT).one().host_id == sandbox.catalog.host_id


def test_error_comes_as_often_as_it_was_switched_on() -> None:
    """A switch for one time fails one statement, and the next is answered."""
    with Sandbox() as sandbox, connected(sandbox.cql) as session:
        sandbox.faults.set(f"cql {STATEMENT}", Fault("error", answer=(0x2200, "made to fail")), times=1)
        with pytest.raises(InvalidRequest, match="made to fail"):
            session.execute(STATEMENT)
        assert session.execute(STATEMENT).one().host_id == sandbox.catalog.host_id


def test_hanging_statement_leaves_other_statements_alone() -> None:
    """A statement that is never answered runs into the client's timeout; the connection goes on."""
    with Sandbox() as sandbox, connected(sandbox.cql) as session:
        sandbox.faults.set("cql DESCRIBE", Fault("hang"))
        with pytest.raises(OperationTimedOut):
            session.execute("DESCRIBE CLUSTER", timeout=0.3)
        assert session.execute(STATEMENT).one().host_id == sandbox.catalog.host_id


def test_work_is_done_though_its_answer_never_comes() -> None:
    """`work_then_hang` runs the statement, and the client doesn't learn of it."""
    with Sandbox(authorization=True) as sandbox, connected(sandbox.cql, "cassandra", "cassandra") as session:
        sandbox.faults.set("cql CREATE ROLE", Fault("work_then_hang"))
        with pytest.raises(OperationTimedOut):
            session.execute("CREATE ROLE backup", timeout=0.3)
        assert "backup" in sandbox.catalog.roles


def test_dropped_connection_is_an_error() -> None:
    """A connection that is closed instead of answering is no answer."""
    with Sandbox() as sandbox, connected(sandbox.cql) as session:
        sandbox.faults.set(f"cql {STATEMENT}", Fault("drop"))
        with pytest.raises((NoHostAvailable, OSError)):
            session.execute(STATEMENT)


def test_late_answer_comes() -> None:
    """`late` answers as ever, only later."""
    with Sandbox() as sandbox, connected(sandbox.cql) as session:
        sandbox.faults.set(f"cql {STATEMENT}", Fault("late", seconds=0.2))
        started = time.monotonic()
        assert session.execute(STATEMENT).one().host_id == sandbox.catalog.host_id
        assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("kind", ["drop", "hang"])
def test_connecting_can_fail(kind: str) -> None:
    """A node that drops a login, or never answers one, can't be connected to."""
    with Sandbox() as sandbox:
        sandbox.faults.set("cql CONNECT", Fault(kind))  # type: ignore[arg-type]
        with pytest.raises(NoHostAvailable), connected(sandbox.cql):
            pass
