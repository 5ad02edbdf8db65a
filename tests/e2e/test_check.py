"""`check` as a monitoring system calls it: one line, and an exit code that it understands."""

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup_core.model import Table
from daemon.history import History
from daemon.history_records import Outcome, RunRecord, TableRecord
from sandbox.node import Sandbox
from tests.conftest import Cli, settings_text
from tests.e2e.doctor import drop_table, make_table
from tests.faults.harness import Station
from tests.repository_backups import RecordingReporter, opened, publish


pytestmark = pytest.mark.usefixtures("settings_file")

RECORD_AND_DIE = """
import os, sys
from pathlib import Path
from backup_core.journal import Journal
from backup_core.model import Table
Journal(Path(sys.argv[1])).record("1733313018", Table("users", "220f8fd0aca211f0af61efb5703633f5"))
os._exit(9)
"""
DOWN = """
[node]
api_url = "http://127.0.0.1:1"
[alternator]
endpoint = "http://127.0.0.1:1"
[cql]
port = 1
"""


@pytest.fixture
def settings_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Settings for the node of the test if it has one, else for one that is down."""
    if "node" in request.fixturenames:
        text = settings_text(request.getfixturevalue("node"), tmp_path)
    else:
        text = f'{DOWN}[repository.local]\npath = "backups"\n[state]\ndirectory = "{tmp_path / "state"}"\n'
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return path


def fail_in_history(tmp_path: Path) -> None:
    """A run that failed just now, as a daemon writes it down."""
    now = datetime.now(UTC)
    with closing(History.open(tmp_path / "state" / "history.sqlite3", [], RecordingReporter())) as history:
        history.run_started(RunRecord("a", "backup", "1", ("nightly",), now, now))
        history.table_finished(TableRecord("a", "users", Outcome.FAILED, now, now, error="disk full"))
        history.run_finished("a", Outcome.FAILED, now)


def test_recent_backups_are_ok(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """With the age of each table's as a figure."""
    for name in ("users", "votes"):
        make_table(node, name)
    Station(node, tmp_path).back_up("users", "votes")

    ended = cli("check")

    assert (ended.returncode, ended.stderr, ended.stdout.count("\n")) == (0, "", 1)
    assert ended.stdout.startswith("ALTERNATOR BACKUP OK - 2 tables checked, oldest last backup ")
    figures = ended.stdout.split("|")[1].split()
    assert figures[:3] == ["'tables'=2;;;0", "'failures'=0;0;;0", "'stale_snapshots'=0;0;;0"]
    assert sorted(figure.split("=")[0] for figure in figures[3:]) == ["'age_users'", "'age_votes'"]
    assert all(figure.endswith("s;93600;180000;0") for figure in figures[3:])


def test_a_table_of_the_node_without_a_backup_is_told(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """And one that was dropped isn't, unless it is named."""
    for name in ("users", "votes"):
        make_table(node, name)
    assert cli("check").returncode == 2
    Station(node, tmp_path).back_up("users")

    assert cli("check").stdout.startswith("ALTERNATOR BACKUP WARNING - votes: no good backup in local; ")
    drop_table(node, "votes")
    assert cli("check").returncode == 0
    assert cli("check", "votes").returncode == 2


def test_old_backups_are_critical_without_node_and_daemon(tmp_path: Path, cli: Cli) -> None:
    """The repositories alone tell; thresholds are as they are given."""
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data")
    publish(repository, tmp_path / "more", Table("tmp_a", "330f8fd0aca211f0af61efb5703633f5"))

    ended = cli("check")
    assert (ended.returncode, ended.stdout.count("\n")) == (2, 1)
    assert "users: last good backup in local " in ended.stdout
    assert "dropped ones among them: the node didn't answer" in ended.stdout
    assert cli("check", "--warn", "1d", "--critical", "99999d").returncode == 1
    assert cli("check", "--warn", "99999d", "--critical", "99999d").returncode == 0
    told = json.loads(cli("check", "--json", "--exclude", "tmp_*").stdout)
    assert (told["state"], [table["table"] for table in told["tables"]]) == ("CRITICAL", ["users"])
    assert told["tables"][0]["last_good_at"].startswith("2024-12-04T11:50:18")


def test_failures_and_snapshots_that_were_left_are_warnings(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Although the last backup is recent."""
    make_table(node, "users")
    Station(node, tmp_path).back_up("users")
    fail_in_history(tmp_path)
    subprocess.run([sys.executable, "-c", RECORD_AND_DIE, tmp_path / "state" / "snapshots"], check=False, timeout=30)

    ended = cli("check")

    assert ended.returncode == 1
    assert "backup of users failed: disk full; 1 snapshot(s) left by dead runs: users/1733313018" in ended.stdout
    assert "'failures'=1;0;;0 'stale_snapshots'=1;0;;0" in ended.stdout


def test_without_any_backup_it_is_critical(cli: Cli) -> None:
    """Also where there isn't even a repository."""
    ended = cli("check")
    assert ended.returncode == 2
    assert "there is no backup of any table; The repository local isn't there: " in ended.stdout


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_settings_that_are_wrong_leave_it_unknown(settings_file: Path, cli: Cli, arguments: tuple[str, ...]) -> None:
    """Told where a monitoring system looks."""
    settings_file.write_text("[nodes]\n")
    ended = cli("check", *arguments)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert "nodes: there is no such key" in ended.stdout


@pytest.mark.parametrize("arguments", [("--warn", "soon"), ("--nonsense",), ("--warn", "60h")])
def test_wrong_usage_is_unknown_and_not_critical(cli: Cli, arguments: tuple[str, ...]) -> None:
    """2, which the other verbs end with, would wake somebody."""
    assert cli("check", *arguments).returncode == 3
