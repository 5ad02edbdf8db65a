"""`status`: what is known of daemon, runs, snapshots and disks, whoever is alive."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.history import History
from daemon.history_records import Outcome, RunRecord, TableRecord
from sandbox.node import Sandbox
from tests.conftest import Cli, settings_text
from tests.e2e.doctor import make_table, take_snapshot
from tests.repository_backups import RecordingReporter


pytestmark = pytest.mark.usefixtures("settings_file")

HOLD_THE_LOCK = """
import sys
from pathlib import Path
from daemon.service_lock import service_lock
with service_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
RECORD_AND_DIE = """
import os, sys
from pathlib import Path
from backup_core.journal import Journal
from backup_core.model import Table
Journal(Path(sys.argv[1])).record("1733313018", Table("users", sys.argv[2]))
os._exit(9)
"""
TOLD: dict[str, Any] = {
    "pid": os.getpid(),
    "started_at": "2026-11-22T10:00:00.000000Z",
    "updated_at": "2026-11-22T12:00:00.000000Z",
    "settings": {"path": "settings.toml", "loaded_at": "2026-11-22T10:00:00.000000Z", "reload_error": None},
    "schedules": {
        "nightly": {"next_at": "2026-11-23T02:00:00.000000Z", "last_nominal_at": "2026-11-22T02:00:00.000000Z"}
    },
    "running": None,
}
RUNNING = {
    "run_id": "r7",
    "schedule": "nightly",
    "tag": "1795312800",
    "tables": 3,
    "table": "users",
    "step": "archive",
    "done_bytes": 1048576,
    "total_bytes": 4194304,
    "started_at": "2026-11-22T12:00:00.000000Z",
}

WAITING = {
    "run_id": "r8",
    "what": "backup",
    "tag": "1795316400",
    "schedule": ["hourly", "nightly"],
    "attempt": 2,
}


@pytest.fixture
def settings_file(node: Sandbox, tmp_path: Path) -> Path:
    """Settings with a schedule."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path, schedule__nightly='cron = "0 2 * * *"'))
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    return directory


def tell(state: Path, **changes: Any) -> None:
    """Leave a daemon's status behind."""
    (state / "status.json").write_text(json.dumps(TOLD | changes))


@contextmanager
def living(state: Path) -> Iterator[None]:
    """A process that has the daemon's lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.kill()


def told(cli: Cli) -> dict[str, Any]:
    """What `status --json` says."""
    ended = cli("status", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def test_without_daemon_and_node_it_tells_what_it_knows(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Nothing was ever run: that is no failure, and leaves nothing behind."""
    node.api.stop()
    node.alternator.stop()
    node.cql.stop()

    status = told(cli)

    assert status["daemon"] == {"alive": False, "pid": None, "started_at": None, "updated_at": None, "settings": None}
    assert status["schedules"] == [{"schedule": "nightly", "what": "backup", "next_at": None, "last_run": None}]
    assert (status["running"], status["errors"], status["snapshots"]) == (None, [], [])
    assert [disk["what"] for disk in status["disks"]][-1:] == ["local"]
    assert not (tmp_path / "state").exists()
    assert cli("status").stdout.startswith("The daemon isn't running.\n")


def test_a_living_daemon_is_known_by_its_lock(state: Path, cli: Cli) -> None:
    """With what it told last: what runs, how far that is, and what comes next."""
    tell(state, running=RUNNING, waiting=[WAITING])
    with living(state):
        status, text = told(cli), cli("status").stdout

    assert status["waiting"] == [WAITING]
    assert "Waiting: backup 1795316400 of schedule hourly, nightly, attempt 2.\n" in text
    assert (status["daemon"]["alive"], status["daemon"]["pid"]) == (True, os.getpid())
    assert status["schedules"][0]["next_at"] == "2026-11-23T02:00:00+00:00"
    assert (status["running"]["step"], status["running"]["done_bytes"]) == ("archive", 1048576)
    assert f"The daemon is running: pid {os.getpid()}, since 2026-11-22 10:00:00 UTC.\n" in text
    assert (
        "Running now: 1795312800 of schedule nightly, table users, step archive, 1.0 MiB of 4.0 MiB (25 %), "
        "since 2026-11-22 12:00:00 UTC.\n"
    ) in text
    assert "nightly   none               2026-11-23 02:00:00 UTC\n" in text


def test_a_dead_daemons_words_are_not_believed(state: Path, cli: Cli) -> None:
    """Its pid may be another process's by now; nothing runs, and nothing comes next."""
    tell(state, running=RUNNING)
    with living(state):
        pass

    status, text = told(cli), cli("status").stdout

    assert (status["daemon"]["alive"], status["daemon"]["pid"], status["running"]) == (False, None, None)
    assert status["schedules"][0]["next_at"] is None
    assert text.startswith("The daemon isn't running; the last one was last heard of at 2026-11-22 12:00:00 UTC.\n")
    assert "not while the daemon is down" in text


def test_a_reload_that_failed_is_shown_and_checked(node: Sandbox, state: Path, cli: Cli) -> None:
    """As long as the daemon lives that goes by the old settings."""
    make_table(node, "users")
    assert cli("backup", "users").returncode == 0
    tell(state, settings=TOLD["settings"] | {"reload_error": "no TOML: line 3"})
    with living(state):
        assert "They couldn't be reloaded, the old ones stay in force: no TOML: line 3\n" in cli("status").stdout
        ended = cli("check")
        assert (ended.returncode, "couldn't be reloaded: no TOML: line 3" in ended.stdout) == (1, True)
    assert cli("check").returncode == 0


def test_last_runs_and_errors_come_from_the_history(state: Path, cli: Cli) -> None:
    """Of each schedule, and of each table."""
    now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    with closing(History.open(state / "history.sqlite3", [], RecordingReporter())) as history:
        history.run_started(RunRecord("a", "backup", "1795312800", ("nightly",), now, now))
        history.table_finished(TableRecord("a", "users", Outcome.FAILED, now, now, error="disk full"))
        history.table_finished(TableRecord("a", "votes", Outcome.SUCCEEDED, now, now))
        history.run_finished("a", Outcome.INCOMPLETE, now)

    status, text = told(cli), cli("status").stdout

    (schedule,) = status["schedules"]
    assert (schedule["last_run"]["outcome"], schedule["last_run"]["failed"]) == ("incomplete", 1)
    (error,) = status["errors"]
    assert (error["table"], error["error"], error["succeeded_at"]) == ("users", "disk full", None)
    assert "nightly   2026-11-22 02:00:00 UTC  incomplete: 1 of 2 tables  not while the daemon is down\n" in text
    assert "users  2026-11-22 02:00:00 UTC  no success  disk full\n" in text


def test_held_snapshots_are_shown_with_what_only_they_hold(node: Sandbox, state: Path, cli: Cli) -> None:
    """Files that the node has compacted away have no other link; the rest costs nothing."""
    make_table(node, "users")
    (live,) = (node.data_directory / "alternator_users").glob("users-*")
    take_snapshot(node, "1733313018", "users")
    subprocess.run(
        [sys.executable, "-c", RECORD_AND_DIE, state / "snapshots", live.name.removeprefix("users-")],
        check=False,
        timeout=30,
    )
    (before,) = told(cli)["snapshots"]
    sstable = next(live.glob("*-Data.db"))
    size_bytes = sstable.stat().st_size
    sstable.unlink()
    (after,) = told(cli)["snapshots"]

    assert (after["table"], after["tag"], after["run_alive"]) == ("users", "1733313018", False)
    assert after["held_bytes"] - before["held_bytes"] == size_bytes
    assert "dead: the next one clears it" in cli("status").stdout


def test_a_disk_below_its_floor_is_shown(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Of the data and of each repository."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path, limits='min_free_space = "99.9%"'))

    disks = json.loads(cli("--settings", str(path), "status", "--json").stdout)["disks"]

    assert [(disk["what"], disk["below_floor"]) for disk in disks] == [("data", True), ("local", True)]
    assert all(disk["free_bytes"] < disk["floor_bytes"] < disk["total_bytes"] for disk in disks)


def test_what_cannot_be_read_is_said_and_left_alone(state: Path, cli: Cli) -> None:
    """A broken history or status is the daemon's to mend; the rest is shown all the same."""
    (state / "history.sqlite3").write_bytes(b"once upon a time " * 100)
    (state / "status.json").write_text("{")

    ended = cli("status")

    assert ended.returncode == 0
    assert "status.json can't be read: " in ended.stderr
    assert "history.sqlite3 can't be read: file is not a database" in ended.stderr
    assert sorted(path.name for path in state.iterdir()) == ["history.sqlite3", "status.json"]
