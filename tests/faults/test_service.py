"""The daemon with a node that is down, with tables that fail, with a state directory and disks that are in the way."""

import os
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from backup_core.lock import TableLocks
from daemon.history_file import HISTORY_NAME
from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.e2e.services import daemon
from tests.faults.commands import Gate, assert_error, until
from tests.faults.machine import DELETE, POST, WEEK_SECONDS, Machine


def test_a_node_that_is_down_at_the_start_and_comes_up(tmp_path: Path) -> None:
    """Start-up doesn't wait for the node; the run is tried again, each time as a warning, until it succeeds."""
    with Sandbox(directory=tmp_path / "former") as node:
        ports = {"alternator_port": node.alternator.port, "cql_port": node.cql.port, "api_port": node.api.port}
        Machine(node, tmp_path).set_up()
    with daemon(tmp_path / "settings.toml") as running:
        running.notify.until("READY=1")
        retried = running.until("run.retried")
        assert "REST API" in retried["error"]
        assert retried["level"] == "warning"
        with Sandbox(directory=tmp_path / "node", **ports) as node:
            client(node).create_table(**simple_table("users"))
            finished = running.until("run.finished")
            assert finished["run_id"] == retried["run_id"]
            assert finished["attempt"] > 1
            assert running.stop() == 0
            assert len(Machine(node, tmp_path).listed()) == 1
        assert running.errors() == []


@pytest.mark.slow
def test_a_node_that_goes_down_between_two_tables(machine: Machine) -> None:
    """What is done is stored, the rest is tried again until the node is back: one run, one tag, no ERROR."""
    machine.create("orders")
    machine.node.faults.set("cql DESCRIBE TABLE", Fault("call", action=machine.go_down), times=1, containing="users")
    with daemon(machine.settings) as running:
        retried = running.until("table.retried", table="users")
        running.until("backup.published", table="orders")
        running.until("snapshot.clear_failed", table="orders")
        machine.node.faults.clear()
        published = running.until("backup.published", table="users")
        running.until("run.finished", count=2)
        assert published["run_id"] == retried["run_id"]
        assert running.stop() == 0
        assert running.errors() == []
    assert len({listing.tag for listing in machine.listed()}) == 1
    assert len(machine.listed()) == 2
    machine.assert_clean()


@pytest.mark.slow
def test_a_node_that_is_down_when_the_snapshot_is_to_be_cleared(machine: Machine) -> None:
    """The daemon clears it as soon as the node is back, and doesn't leave it to the next run."""
    machine.node.faults.set(DELETE, Fault("drop"))
    with daemon(machine.settings) as running:
        running.until("snapshot.clear_failed")
        running.until("run.finished")
        running.until("cleanup.postponed")
        machine.node.faults.clear()
        running.until("snapshot.cleared")
        assert running.stop() == 0
        assert running.errors() == []
    machine.assert_clean()


@pytest.mark.slow
def test_a_node_that_stays_down(machine: Machine) -> None:
    """When the schedule's next time comes first, the run has failed: one ERROR line, and the daemon goes on."""
    machine.set_up('every = "2s"')
    machine.node.faults.set("rest", Fault("drop"))
    with daemon(machine.settings) as running:
        first = running.until("run.failed")
        running.until("run.failed", count=2)
        assert first["error_type"] == "NodeUnavailableError"
        assert len(running.said("run.failed", run_id=first["run_id"])) == 1
        machine.node.faults.clear()
        running.until("run.finished")
        assert running.stop() == 0


def test_one_table_that_fails(machine: Machine) -> None:
    """A table that can't succeed has one ERROR line; one whose port only stutters is tried again and has none."""
    machine.create("orders", "items")
    machine.node.faults.set("cql DESCRIBE TABLE", Fault("error", (0x2000, "unusable")), containing="orders")
    machine.node.faults.set("cql DESCRIBE TABLE", Fault("error", (0x1001, "overloaded")), times=1, containing="items")
    with daemon(machine.settings) as running:
        until(lambda: {line["table"] for line in running.said("table.finished")} == {"users", "items"})
        running.until("run.finished", count=2)
        assert running.stop() == 0
    (error,) = running.errors()
    assert (error["event"], error["table"], error["step"]) == ("table.failed", "orders", "schema")
    assert [line["table"] for line in running.said("table.retried")] == ["items"]
    assert sorted(listing.table for listing in machine.listed()) == ["items", "users"]
    assert len({listing.tag for listing in machine.listed()}) == 1


def test_a_table_that_somebody_else_backs_up_is_waited_for(machine: Machine) -> None:
    """The command line has the table: the daemon's run comes back to it."""
    with ExitStack() as other, daemon(machine.settings) as running:
        other.enter_context(TableLocks(machine.directory / "state" / "locks").hold("users"))
        assert "another run" in running.until("table.retried")["error"]
        other.close()
        running.until("table.finished")
        assert running.stop() == 0
        assert running.errors() == []


def test_a_table_that_the_daemon_backs_up_is_refused_to_the_command_line(machine: Machine) -> None:
    """The command ends with 11, and the daemon's run goes on."""
    gate = Gate()
    machine.node.faults.set(POST, Fault("call", action=gate), times=1)
    with daemon(machine.settings) as running:
        assert gate.reached.wait(30)
        assert_error(machine.run("backup", "users"), 11, "Table 'users' is being backed up or restored", "Wait")
        gate.open()
        running.until("run.finished")
        assert running.stop() == 0
        assert running.errors() == []
    assert len(machine.listed()) == 1
    machine.assert_clean()


def test_a_history_that_is_broken(machine: Machine) -> None:
    """It is set aside, said so, and made anew from the repositories; schedules go on."""
    machine.back_up("users")
    machine.set_up('every = "2s"')
    (machine.directory / "state" / HISTORY_NAME).write_bytes(b"once upon a time " * 1000)
    with daemon(machine.settings) as running:
        assert Path(running.until("history.set_aside")["set_aside"]).is_file()
        assert running.until("history.rebuilt")["tables"] == 1
        running.until("run.finished")
        assert running.stop() == 0
        assert running.errors() == []
    assert len(machine.listed()) > 1


@pytest.mark.parametrize("in_the_way", ["directory", "entry"])
def test_a_journal_that_cannot_be_written(machine: Machine, in_the_way: str) -> None:
    """Without its entry in the journal no snapshot is asked for; one ERROR line says why, and the daemon goes on."""
    journal = machine.directory / "state" / "snapshots"
    if in_the_way == "directory":
        journal.write_text("")
    else:
        tag = int(time.time()) // WEEK_SECONDS * WEEK_SECONDS
        (journal / f"{tag}-{machine.table('users').id.hex}.json").mkdir(parents=True)
    sent: list[str] = []
    machine.node.faults.set(POST, Fault("call", action=lambda: sent.append("POST")))
    with daemon(machine.settings) as running:
        failed = running.until("run.failed" if in_the_way == "directory" else "table.failed")
        assert "journal of snapshots" in failed["error"]
        assert running.stop() == 0
        assert running.errors() == [failed]
    assert sent == []


def test_a_disk_that_fills_up_in_the_middle(machine: Machine, small_disk: Path) -> None:
    """Below the floor the run stops, says so, and leaves neither a snapshot nor a half archive; later runs work."""
    machine.make_large()
    machine.backups.symlink_to(small_disk)
    free_bytes = shutil.disk_usage(small_disk).free
    machine.set_up(limits='min_free_space = "64MiB"\nread_rate = "1MiB"')
    filler = small_disk / "filler"
    with daemon(machine.settings) as running:
        running.until("archive.started")
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free_bytes - (32 << 20))
        failed = running.until("table.failed")
        filler.unlink()
        assert "the run was stopped" in failed["error"]
        assert failed["step"] == "store"
        running.until("run.finished")
        assert running.stop() == 0
    machine.assert_clean()
    assert machine.listed() == []
