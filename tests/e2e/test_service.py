"""The daemon as systemd runs it: its signs of life, its schedules, its reloads, its end."""

import json
import re
import signal
from pathlib import Path

import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conftest import Cli, settings_text
from tests.e2e.services import daemon
from tests.faults.harness import Station


QUICK = {"schedule__quick": 'every = "1s"'}
SLOW = {"schedule__slow": 'cron = "0 2 1 1 *"'}
ORDERED = ("READY=1", "RELOADING=1", "STOPPING=1")
OF_A_RUN = {"run.started", "run.finished"}
LOCAL = {"metrics": 'listen = ""'}


@pytest.fixture
def settings(node: Sandbox, tmp_path: Path) -> Path:
    """Settings for a daemon with nothing to do for a while; the node has a table `users`."""
    client(node).create_table(**simple_table("users"))
    return write(node, tmp_path, **SLOW)


def write(node: Sandbox, tmp_path: Path, **changes: str) -> Path:
    """Write settings as `settings_text` does, without a server for metrics."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path, **(LOCAL | changes)))
    return path


def test_it_tells_systemd_how_it_is(settings: Path) -> None:
    """A notify socket sees READY, WATCHDOG, RELOADING with its time, READY again, STOPPING, and the exit code is 0."""
    with daemon(settings, WATCHDOG_USEC="200000") as running:
        running.notify.until("READY=1")
        assert running.notify.messages[0].splitlines()[1].startswith("STATUS=Next: slow at 20")
        running.notify.until("WATCHDOG=1", count=2)
        running.signal(signal.SIGHUP)
        running.notify.until("READY=1", count=2)
        assert running.stop() == 0
        running.notify.until("STOPPING=1")
        running.notify.until("EXTEND_TIMEOUT_USEC=130000000")
        states = [state for state in running.notify.states() if state in ORDERED]
        assert states == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
        reloading = next(text for text in running.notify.messages if text.startswith("RELOADING=1"))
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", reloading)
        assert running.errors() == []


def test_a_schedule_fires_and_is_published(node: Sandbox, settings: Path, tmp_path: Path, cli: Cli) -> None:
    """A schedule's backup has its nominal time for a tag, is listed, is in the history, and leaves no snapshot."""
    write(node, tmp_path, schedule__even='every = "2s"')
    with daemon(settings) as running:
        finished = running.until("run.finished")
        assert (finished["succeeded"], finished["failed"]) == (1, 0)
        status = json.loads(cli("status", "--json", "--settings", str(settings)).stdout)
        assert status["daemon"]["alive"] is True
        assert running.stop() == 0
    published = running.said("backup.published")[0]
    listed = json.loads(cli("list", "users", "--json", "--settings", str(settings)).stdout)
    assert published["tag"] in [backup["tag"] for backup in listed]
    assert int(published["tag"]) % 2 == 0
    assert not list(node.data_directory.glob("*/*/snapshots/*"))
    assert not list((tmp_path / "state" / "snapshots").iterdir())


def test_every_line_of_a_run_says_whose_it_is(node: Sandbox, settings: Path, tmp_path: Path) -> None:
    """Each line has a time in UTC with microseconds, a level and an event; those of a run have all that is bound."""
    write(node, tmp_path, **QUICK)
    with daemon(settings) as running:
        running.until("run.finished")
        running.stop()
    for line in running.lines:
        assert list(line)[:3] == ["timestamp", "level", "event"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", line["event"])
    (run_id,) = {line["run_id"] for line in running.lines if line.get("tag") == running.said("run.started")[0]["tag"]}
    lines = [line for line in running.lines if line.get("run_id") == run_id]
    events = [line["event"] for line in lines]
    assert {"run.started", "snapshot.taken", "archive.written", "snapshot.cleared", "run.finished"} <= set(events)
    for line in lines:
        assert line["schedule"] == "quick"
        assert line["node"]
        assert line["tag"].isdecimal()
    assert {line["event"] for line in lines if "step" not in line} == {"table.started", "table.finished"} | OF_A_RUN
    assert {line["event"] for line in lines if "table" not in line} == {"step.finished"} | OF_A_RUN
    archiving = [line for line in lines if line["event"] == "archive.written"]
    assert [(line["table"], line["step"], line["repository"]) for line in archiving] == [("users", "store", "local")]
    assert 10 <= len([line for line in lines if line.get("table") == "users"]) <= 20


def test_what_is_bound_to_lines_ends_with_its_run(node: Sandbox, settings: Path, tmp_path: Path) -> None:
    """A prune asks no node, so its lines name none, also after a backup; the lines of each table are its own."""
    client(node).create_table(**simple_table("orders"))
    pruning = 'every = "2s"\nwhat = "prune"'
    write(node, tmp_path, **QUICK, schedule__pruning=pruning, limits='min_free_space = "0"\nparallel_tables = 2')
    with daemon(settings) as running:
        running.until("run.finished", what="backup")
        running.until("run.finished", what="prune")
        running.stop()
    first = running.said("run.started", what="backup")[0]["run_id"]
    written = [(line["table"], line["step"]) for line in running.said("archive.written", run_id=first)]
    assert sorted(written) == [("orders", "store"), ("users", "store")]
    pruned = [line for line in running.lines if line.get("what") == "prune"]
    assert pruned
    assert {line["schedule"] for line in pruned} == {"pruning"}
    assert [line for line in pruned if "node" in line] == []


def test_a_reload_takes_over_what_changed(node: Sandbox, settings: Path, tmp_path: Path) -> None:
    """A schedule that is new comes, one that is gone goes, one that is as before keeps its time."""
    write(node, tmp_path, **SLOW, schedule__gone='every = "1h"')
    with daemon(settings) as running:
        running.notify.until("READY=1")
        write(node, tmp_path, **SLOW, schedule__new='every = "6h"')
        running.signal(signal.SIGHUP)
        reloaded = running.until("settings.reloaded")
        assert reloaded["schedules"] == 2
        assert running.until("schedule.added", schedule="new")["next_at"]
        assert running.said("schedule.removed", schedule="gone")
        assert len(running.said("schedule.added", schedule="slow")) == 1
        assert not running.said("schedule.changed")
        assert running.stop() == 0


REFUSED = {
    "[node]\ntimeout_seconds = -1\nwrong = 1\n": ("node.timeout_seconds", "node.wrong"),
    "[node\n": ("line 1",),
    "": ("repository",),
}
"""Settings, and what is told of them."""


def test_a_bad_reload_keeps_what_is_in_force(settings: Path, tmp_path: Path) -> None:
    """One ERROR line says all that is wrong, `status` shows it, and the daemon goes on as before."""
    good = settings.read_text()
    with daemon(settings) as running:
        running.notify.until("READY=1")
        for number, (text, words) in enumerate(REFUSED.items(), start=1):
            settings.write_text(text)
            running.signal(signal.SIGHUP)
            failed = running.until("settings.reload_failed", count=number)
            running.notify.until("READY=1", count=number + 1)
            assert [word for word in words if word not in failed["error"]] == []
            assert running.errors()[number - 1 :] == [failed]
            status = json.loads((tmp_path / "state" / "status.json").read_text())
            assert words[0] in status["settings"]["reload_error"]
            assert list(status["schedules"]) == ["slow"]
        settings.write_text(good)
        running.signal(signal.SIGHUP)
        running.until("settings.reloaded")
        assert running.stop() == 0
    assert json.loads((tmp_path / "state" / "status.json").read_text())["settings"]["reload_error"] is None


def test_status_tells_of_a_daemon_whose_settings_are_refused(settings: Path, cli: Cli) -> None:
    """It goes by the old ones; `status` shows how it is, that the reload failed, and ends with 78 and what is wrong."""
    good = settings.read_text()
    with daemon(settings) as running:
        running.notify.until("READY=1")
        for number, broken in enumerate(("[unknown]\n", "[unknown\n"), start=1):
            settings.write_text(broken + good)
            running.signal(signal.SIGHUP)
            failed = running.until("settings.reload_failed", count=number)
            running.notify.until("READY=1", count=number + 1)
            assert_told(settings, cli, running.process.pid, failed["error"].splitlines()[0])
        assert running.stop() == 0


def assert_told(settings: Path, cli: Cli, pid: int, reason: str) -> None:
    """`status` shows a living daemon whose settings are refused, to people and to programs."""
    text, told = (cli("status", *options, "--settings", str(settings)) for options in ((), ("--json",)))
    assert (text.returncode, told.returncode) == (78, 78)
    assert f"The daemon is running: pid {pid}" in text.stdout
    assert f"They couldn't be reloaded, the old ones stay in force: {reason}" in text.stdout
    assert "-01-01 02:00:00 UTC" in text.stdout
    assert f"ERROR - {reason}" in text.stderr
    status = json.loads(told.stdout)
    assert (status["daemon"]["alive"], status["schedules"][0]["schedule"], status["disks"]) == (True, "slow", [])
    assert any(problem.startswith(reason) for problem in status["problems"])


def test_another_state_directory_takes_a_restart(settings: Path, tmp_path: Path) -> None:
    """A reload can't move the locks and the journal away under a run: it is refused."""
    with daemon(settings) as running:
        running.notify.until("READY=1")
        settings.write_text(settings.read_text().replace(str(tmp_path / "state"), str(tmp_path / "other")))
        running.signal(signal.SIGHUP)
        assert "restart" in running.until("settings.reload_failed")["hint"].lower()
        assert running.stop() == 0


def test_one_daemon_for_each_state_directory(settings: Path) -> None:
    """A second one ends with 11 and one line that says why; when the first is dead, even by kill -9, another starts."""
    with daemon(settings) as first:
        first.notify.until("READY=1")
        with daemon(settings) as second:
            assert second.wait() == 11
        (line,) = second.lines
        assert (line["event"], line["level"], line["error_type"]) == ("service.failed", "error", "LockHeldError")
        first.signal(signal.SIGKILL)
        first.wait()
        with daemon(settings) as third:
            third.notify.until("READY=1")
            assert third.stop() == 0


def test_settings_that_are_wrong_end_it_with_a_line(settings: Path) -> None:
    """The exit code is 78, and what is wrong is one JSON line, not a text that breaks who reads the log."""
    settings.write_text("[cql]\nport = 0\n")
    with daemon(settings) as running:
        assert running.wait() == 78
    (line,) = running.lines
    assert (line["event"], line["level"]) == ("service.failed", "error")
    assert "cql.port" in line["error"]


@pytest.mark.parametrize("what", ["verify", "prune"])
def test_other_work_is_scheduled_too(node: Sandbox, settings: Path, tmp_path: Path, what: str) -> None:
    """A schedule verifies every byte of what is there, or prunes it; the node may be down meanwhile."""
    station = Station(node, tmp_path)
    for _ in range(2):
        station.back_up("users")
    write(
        node,
        tmp_path,
        schedule__work=f'every = "1s"\nwhat = "{what}"',
        repository__local="retention = { keep_last = 1 }",
    )
    settings.write_text(settings.read_text().replace(node.api.url, "http://127.0.0.1:1"))
    with daemon(settings) as running:
        finished = running.until("run.finished")
        running.stop()
    assert (finished["what"], finished["succeeded"], finished["failed"]) == (what, 1, 0)
    expected = {"verify": ("backup.verified", 2), "prune": ("backup.removed", 1)}
    event, count = expected[what]
    assert len(running.said(event, run_id=finished["run_id"])) == count
    assert running.errors() == []


def test_the_log_can_go_to_a_file_too(node: Sandbox, settings: Path, tmp_path: Path) -> None:
    """`log.file` gets the predecessor's lines, also after logrotate has moved the file away."""
    log = tmp_path / "backup.log"
    write(node, tmp_path, **QUICK, log=f'file = "{log}"')
    with daemon(settings) as running:
        running.until("run.finished")
        log.rename(tmp_path / "backup.log.1")
        running.until("run.finished", count=2)
        running.stop()
    for name in ("backup.log.1", "backup.log"):
        lines = (tmp_path / name).read_text().splitlines()
        assert [line for line in lines if not re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - [A-Z]+ - \S", line)] == []
        assert any("Backup completed for users" in line for line in lines)
