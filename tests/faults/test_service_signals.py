"""SIGTERM, a second signal and kill -9 in each step of a daemon's run: what ends, what stays, what comes after."""

import signal

import pytest

from sandbox.faults import Fault
from tests.e2e.services import daemon
from tests.faults.commands import Gate
from tests.faults.machine import DELETE, HANGING, NO_FLOOR, SLOWLY, Machine


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("step", [step for step in HANGING if step != "clear"])
def test_sigterm_in_a_step(machine: Machine, step: str) -> None:
    """The step ends, its snapshot is cleared, and the exit code is 0; the next start makes up for it."""
    machine.hang(step)
    with daemon(machine.settings) as running:
        machine.stopped_in(running, step)
        assert running.stop() == 0
        assert running.said("service.stopped")
        assert running.errors() == []
    machine.node.faults.clear()
    assert machine.snapshots() == []
    # Where the node never answered, the snapshot may still come: the journal keeps it in mind.
    assert len(machine.journalled()) == step.startswith("snapshot")
    machine.assert_makes_up()


@pytest.mark.parametrize("step", HANGING)
def test_kill_9_in_a_step(machine: Machine, step: str) -> None:
    """A new start clears what was left, and does the run again under its own tag."""
    machine.hang(step)
    with daemon(machine.settings) as running:
        machine.stopped_in(running, step)
        running.signal(signal.SIGKILL)
        running.wait()
    machine.node.faults.clear()
    machine.assert_makes_up()


@pytest.mark.parametrize("event", ["archive.started", "archive.written"])
def test_kill_9_while_a_table_is_stored(machine: Machine, event: str) -> None:
    """Half an archive, or a whole one that isn't published, is no backup; a new start removes it and makes one."""
    machine.hang("clear")
    if event == "archive.started":
        machine.make_large()
        machine.set_up(limits=SLOWLY)
    with daemon(machine.settings) as running:
        running.until(event)
        running.signal(signal.SIGKILL)
        running.wait()
    machine.node.faults.clear()
    machine.set_up()
    removed = [line for line in machine.assert_makes_up() if line["event"] == "debris.removed"]
    assert [line for line in removed if "run_id" in line] == [], "the start removes it, not the next run"
    assert removed or event != "archive.started"


def test_sigterm_while_the_snapshot_is_cleared(machine: Machine) -> None:
    """The node's answer is waited for: nothing is left on it, and the backup that was published stays."""
    gate = Gate()
    machine.node.faults.set(DELETE, Fault("call", action=gate), times=1)
    with daemon(machine.settings) as running:
        assert gate.reached.wait(30)
        running.signal(signal.SIGTERM)
        running.until("service.stopping")
        gate.open()
        assert running.wait() == 0
        assert running.errors() == []
    machine.assert_clean()
    assert len(machine.listed()) == 1


def test_sigterm_while_the_node_is_waited_for(machine: Machine) -> None:
    """A run that is to be tried again later keeps nobody waiting; the next start makes up for it."""
    machine.go_down()
    with daemon(machine.settings) as running:
        running.until("run.retried")
        assert running.stop() == 0
        assert running.errors() == []
    machine.node.faults.clear()
    machine.assert_makes_up()


def test_sigterm_while_a_large_table_is_archived(machine: Machine) -> None:
    """The archive ends with the block that it is at: nothing of it stays, and the snapshot is cleared."""
    machine.make_large(items=100)
    machine.set_up(limits=SLOWLY)
    with daemon(machine.settings) as running:
        running.until("archive.started")
        assert running.stop() == 0
        assert running.said("run.cancelled")
        assert not running.said("archive.written")
    machine.assert_clean()
    assert machine.listed() == []


def test_a_second_signal_ends_at_once(machine: Machine) -> None:
    """Whoever asks twice doesn't wait for the clean-up; what is left is journalled, and the next start clears it."""
    machine.hang("clear")
    with daemon(machine.settings) as running:
        running.until("table.finished")
        running.signal(signal.SIGTERM)
        running.until("service.stopping")
        running.signal(signal.SIGTERM)
        assert running.wait() == 143
    assert len(machine.journalled()) == 1
    machine.node.faults.clear()
    machine.assert_makes_up()


def test_a_clean_up_that_takes_too_long(machine: Machine) -> None:
    """Past the deadline it ends with 75 and says which step it was; the journal keeps what could not be cleared."""
    machine.set_up(limits=f"{NO_FLOOR}\nstop_timeout_seconds = 0.5")
    machine.hang("clear")
    with daemon(machine.settings) as running:
        running.until("table.finished")
        assert running.stop() == 75
        assert running.said("service.stop_timed_out")
    assert len(machine.journalled()) == 1
