"""What a start makes of what a crash has left: snapshots, links, and tables that only one repository has."""

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.events import JOURNAL_ENTRY_BROKEN, SNAPSHOT_CLEARED
from backup_core.journal import Journal
from backup_core.model import Table
from daemon.history_file import HISTORY_NAME
from daemon.history_reading import remembered
from daemon.history_records import Outcome
from daemon.loaded import Loaded
from daemon.upkeep import Upkeep
from sandbox.faults import Fault
from tests.e2e.services import daemon
from tests.faults.commands import until
from tests.faults.machine import WEEK_SECONDS, WEEKLY, Machine
from tests.repository_backups import RecordingReporter


@pytest.mark.slow
def test_what_a_crash_left_is_cleared_when_the_node_is_back(machine: Machine) -> None:
    """While the node doesn't answer, clearing its snapshots is put off, with a warning, and done later."""
    machine.hang("clear")
    with daemon(machine.settings) as running:
        running.until("table.finished")
        running.signal(signal.SIGKILL)
        running.wait()
    assert len(machine.journalled()) == 1
    machine.node.faults.clear()
    machine.node.faults.set("rest", Fault("drop"))
    machine.settings.write_text(machine.settings.read_text().replace(WEEKLY, f"{WEEKLY}\ncatch_up = false"))
    with daemon(machine.settings) as running:
        running.until("cleanup.postponed")
        machine.node.faults.clear()
        running.until("snapshot.cleared")
        assert running.stop() == 0
    machine.assert_clean()


def test_links_that_a_crash_broke_are_mended_at_the_start(machine: Machine) -> None:
    """Whoever follows the predecessor's paths finds the newest backup again, before the next run and without a node."""
    machine.back_up("users")
    link = machine.backups / "users" / "latest"
    tag = link.readlink()
    link.unlink()
    link.symlink_to("1")
    (machine.backups / "users" / "table_schema.cql").unlink()
    machine.settings.write_text(machine.settings.read_text().replace(WEEKLY, f"{WEEKLY}\ncatch_up = false"))
    machine.node.faults.set("rest", Fault("drop"))
    with daemon(machine.settings) as running:
        until(lambda: link.readlink() == tag and (machine.backups / "users" / "table_schema.cql").exists())
        assert running.stop() == 0
    machine.node.faults.clear()
    machine.assert_clean()


def test_a_broken_entry_kept_other_snapshots_from_being_cleared(machine: Machine) -> None:
    """It is told, and stays for somebody to look at; what else dead runs have left is cleared; `check` shows it."""
    machine.back_up("users")
    journal = Journal(machine.directory / "state" / "snapshots")
    journal.release(journal.record("1733313018", Table("users", machine.table("users").id.hex)))
    machine.take_foreign_snapshot("users", "1733313018")
    machine.foreign.clear()
    broken = machine.directory / "state" / "snapshots" / "1-x.json"
    broken.write_text("{")
    reporter = RecordingReporter()
    upkeep = Upkeep(Loaded.load(machine.settings), reporter, SystemClock(), CancelToken())
    for _ in range(2):
        upkeep.clear_snapshots()
    assert machine.snapshots() == []
    assert machine.journalled() == [broken]
    assert [name for name, _ in reporter.events] == [JOURNAL_ENTRY_BROKEN, SNAPSHOT_CLEARED, JOURNAL_ENTRY_BROKEN]
    for verb, exit_code in {"check": 1, "status": 0, "doctor": 0}.items():
        told = machine.run(verb)
        assert (told.returncode, "1-x.json" in told.stdout + told.stderr) == (exit_code, True), (
            told.stdout + told.stderr
        )


def test_a_table_that_a_crash_left_in_one_of_two_repositories_counted_as_done(machine: Machine, tmp_path: Path) -> None:
    """Its tag can't be made again, so it is incomplete: one ERROR line, and the history tells which one lacks it."""
    tag = int(time.time()) // WEEK_SECONDS * WEEK_SECONDS
    machine.back_up("users", tag=str(tag))
    machine.set_up(repository__second=f'path = "{tmp_path / "second"}"\nallow_same_disk = true')
    with daemon(machine.settings) as running:
        failed = running.until("table.failed")
        running.notify.until("READY=1")
        until(lambda: remembered(machine.directory / "state" / HISTORY_NAME).last_judged)
        assert running.stop() == 0
        assert running.errors() == [failed]
        assert not running.said("table.skipped")
    assert (failed["error_type"], failed["table"], failed["tag"]) == ("IncompleteError", "users", str(tag))
    assert "is stored in local only: a run before a crash never came to second" in failed["error"]
    told = remembered(machine.directory / "state" / HISTORY_NAME)
    assert told.last_judged["weekly"].outcome is Outcome.FAILED
    assert [error.outcome for error in told.last_errors] == [Outcome.INCOMPLETE]
    with closing(sqlite3.connect(machine.directory / "state" / HISTORY_NAME)) as history:
        rows = history.execute("SELECT repository, outcome FROM repository_results").fetchall()
    assert dict(rows) == {"local": "succeeded", "second": "failed"}
    machine.assert_clean()
