"""Ctrl-C, SIGTERM and SIGKILL in every step of a backup."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import RunCancelledError
from backup_core.events import ARCHIVE_STARTED, ARCHIVE_WRITTEN
from backup_core.node.rest import TAKE_GRACE_SECONDS
from backup_core.pipeline import backup_tables
from daemon.settings_file import load_settings
from daemon.signals import IMPATIENCE_SECONDS, cancelling
from daemon.wiring import node_context
from sandbox.faults import Fault
from tests.faults.commands import Finished, Gate, archives_begun, errors_of, finish, until
from tests.faults.harness import SNAPSHOTS, Station
from tests.repository_backups import RecordingReporter


POST = f"rest POST {SNAPSHOTS}"
STEPS = {
    "connecting": "cql CONNECT",
    "facts": "rest GET /storage_service/hostid",
    "id": "alternator DescribeTable",
    "schema": "cql DESCRIBE TABLE",
    "ring": "rest GET /storage_service/describe_ring",
}

SLOWLY = {"limits.read_rate": "32MiB"}
"""With it the archive of a large table takes half a minute, however little of a machine the test gets."""


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Holds requests up until the test ends."""
    gate = Gate()
    yield gate
    gate.open()


def send(process: subprocess.Popen[str], number: signal.Signals, *, within_seconds: float = 20) -> Finished:
    """Send a signal to a command, and see it end."""
    sent_at = time.monotonic()
    process.send_signal(number)
    result = finish(process)
    assert time.monotonic() - sent_at < within_seconds
    return result


def assert_interrupted(station: Station, result: Finished, exit_code: int) -> None:
    """It says so and nothing else, and has left nothing."""
    assert result.returncode == exit_code, result.stderr
    assert errors_of(result) == []
    assert result.stderr.splitlines()[-1] == "Backup process interrupted by user."
    station.assert_clean()
    assert station.listed() == station.known


@pytest.mark.parametrize(
    ("step", "number"),
    [*((step, signal.SIGINT) for step in STEPS), ("schema", signal.SIGTERM)],
)
def test_a_signal_ends_what_waits_for_the_node(station: Station, gate: Gate, step: str, number: signal.Signals) -> None:
    """While a request hangs, Ctrl-C ends the run with 130 and SIGTERM with 143, soon, and nothing is left."""
    station.node.faults.set(STEPS[step], Fault("call", action=gate))
    process = station.start("backup", "users")
    assert gate.reached.wait(30)
    assert_interrupted(station, send(process, number), 128 + number)


@pytest.mark.slow
def test_ctrl_c_while_the_snapshot_hangs(station: Station, gate: Gate) -> None:
    """Nobody knows what becomes of a request that hangs: the journal remembers it, and the next run clears it."""
    station.node.faults.set(POST, Fault("call", action=gate), times=1)
    process = station.start("backup", "users")
    assert gate.reached.wait(30)
    result = send(process, signal.SIGINT, within_seconds=TAKE_GRACE_SECONDS + 20)
    assert result.returncode == 130
    assert errors_of(result) == []
    assert station.snapshots() == []
    assert len(station.journalled()) == 1
    gate.open()
    until(station.snapshots)
    station.back_up("orders")


def test_ctrl_c_while_a_snapshot_is_just_being_taken(station: Station, gate: Gate) -> None:
    """A request that is answered soon after Ctrl-C is waited for: then its snapshot is cleared and forgotten."""
    station.node.faults.set(POST, Fault("call", action=gate), times=1)
    process = station.start("backup", "users")
    assert gate.reached.wait(30)
    process.send_signal(signal.SIGINT)
    gate.open()
    assert_interrupted(station, finish(process), 130)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_archive_in_the_middle(station: Station, number: signal.Signals) -> None:
    """What is half written is removed, and the snapshots of all tables of the run are cleared."""
    name = station.create_large()
    process = station.start("backup", name, "users", settings=SLOWLY)
    until(lambda: archives_begun(station.backups, name))
    assert_interrupted(station, send(process, number), 128 + number)


class Interrupting(RecordingReporter):
    """Sends SIGTERM to the thread that begins with an archive."""

    def event(self, name: str, **fields: Any) -> None:
        """Remembered."""
        super().event(name, **fields)
        if name == ARCHIVE_STARTED:
            signal.raise_signal(signal.SIGTERM)


def test_a_signal_that_another_thread_was_given_was_heard_at_the_end(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever thread the system interrupts, the archive that is being written ends."""
    name, reporter, cancel = station.create_large(), Interrupting(), CancelToken()
    monkeypatch.setenv("ALTERNATOR_BACKUP_LIMITS__READ_RATE", SLOWLY["limits.read_rate"])
    with (
        cancelling(cancel),
        node_context(load_settings(station.settings), reporter, cancel) as context,
        pytest.raises(RunCancelledError),
    ):
        backup_tables(context, (name,))
    assert ARCHIVE_WRITTEN not in [event for event, _ in reporter.events]
    station.assert_clean()


def test_a_second_ctrl_c_ends_at_once(station: Station, gate: Gate, tmp_path: Path) -> None:
    """While the first waits for the clean-up, the second doesn't; the next run clears what the journal knows."""
    station.node.faults.set("rest DELETE", Fault("call", action=gate))
    messages = tmp_path / "stderr"
    with messages.open("wb") as stderr:
        process = station.start("backup", "users", stderr=stderr)
    assert gate.reached.wait(30)
    process.send_signal(signal.SIGINT)
    until(lambda: "Stopping" in messages.read_text())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(IMPATIENCE_SECONDS)
    assert send(process, signal.SIGINT, within_seconds=10).returncode == 130
    assert "ERROR" not in messages.read_text()
    assert messages.read_text().splitlines()[-2:] == [
        "Stopping after the current step; Ctrl-C again ends at once.",
        "Ended at once; the next run clears what is left.",
    ]
    assert len(station.journalled()) == 1
    station.node.faults.clear()
    gate.open()
    station.back_up("orders")


@pytest.mark.parametrize(
    ("first", "second"), [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM), (signal.SIGINT,) * 2]
)
def test_a_second_signal_that_nobody_meant_lets_the_clean_up_finish(
    station: Station, gate: Gate, first: signal.Signals, second: signal.Signals
) -> None:
    """SIGTERM twice, as from an impatient manager, or Ctrl-C twice within a second: the snapshot is cleared."""
    station.node.faults.set("rest DELETE", Fault("call", action=gate), times=1)
    process = station.start("backup", "users")
    assert gate.reached.wait(30)
    process.send_signal(first)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(IMPATIENCE_SECONDS / 5)
    process.send_signal(second)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(IMPATIENCE_SECONDS / 5)
    gate.open()
    result = finish(process)
    assert "Stopping after the current step" in result.stderr
    assert result.returncode != 70
    station.assert_clean()


def test_a_run_that_was_killed_in_the_archive_is_cleaned_up_by_the_next(station: Station) -> None:
    """Kill -9 leaves a snapshot and half an archive; nothing of it is listed, and the next run removes both."""
    name = station.create_large()
    process = station.start("backup", name, settings=SLOWLY)
    until(lambda: archives_begun(station.backups, name))
    process.kill()
    assert finish(process).returncode == -signal.SIGKILL
    assert station.snapshots()
    assert station.listed() == station.known
    station.drop(name)
    result = station.run("backup", "users")
    assert result.returncode == 0, result.stderr
    station.assert_clean()
    assert "Removed what an interrupted run had left" in result.stderr
    assert f"of {name} cleared" in result.stderr


def test_a_run_that_was_killed_while_its_snapshot_was_taken_is_cleaned_up_by_the_next(station: Station) -> None:
    """Kill -9 before the node's answer: the journal was written before the request, so the snapshot is known."""
    station.node.faults.set(POST, Fault("work_then_hang"), times=1)
    process = station.start("backup", "users")
    until(lambda: len(station.snapshots()) == 3)
    process.kill()
    finish(process)
    station.back_up("orders")
