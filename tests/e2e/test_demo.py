"""The demo, as `make demo` runs it."""

import time
from pathlib import Path

from tests.conftest import Cli


LONGEST_SECONDS = 55


def test_it_shows_the_main_job_and_ends_by_itself(cli: Cli) -> None:
    """Every table is backed up, listed and verified, and the files can be read without us."""
    started = time.monotonic()

    ended = cli("demo")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert time.monotonic() - started < LONGEST_SECONDS
    shown = ended.stdout
    for command in (
        "doctor",
        "backup users",
        "-q backup --all",
        "list",
        "show users",
        "-q verify --deep",
    ):
        assert f"$ alternator-backup {command}\n" in shown
    for table in ("users", "Game.Scores-2024", "...", "-dash.", "empty_table", "orders"):
        rows = [line.split() for line in shown.splitlines()]
        assert [table, "ok"] in [[row[0], row[3]] for row in rows if "every" in row]
    assert "real SSTables, recorded from a real node" in shown
    assert "└── users_backup.tar.gz  (" in shown
    assert "users_backup.tar.gz: OK" in shown
    assert "Traceback" not in shown


def test_what_is_kept_can_be_looked_at(tmp_path: Path, cli: Cli) -> None:
    """The backups can still be read when the node is gone; without recordings of real nodes it says so."""
    kept = tmp_path / "kept"

    ended = cli("demo", "--keep", str(kept), "--data", str(tmp_path), "--version", "2026.1")
    listed = cli("--settings", str(kept / "settings.toml"), "list", "--json")
    again = cli("demo", "--keep", str(kept))

    assert (ended.returncode, listed.returncode) == (0, 0)
    assert f"Everything is still in {kept}." in ended.stdout
    assert "ScyllaDB 2026.1." in ended.stdout
    assert "no part of an installation" in ended.stdout
    assert listed.stdout.count('"status": "complete"') == 6
    assert again.returncode == 78
    assert again.stderr.startswith(f"ERROR - {kept / 'node'} is not empty.")


def test_a_command_that_fails_fails_the_demo(tmp_path: Path, cli: Cli) -> None:
    """With what went wrong above it."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "backups").write_text("in the way")

    ended = cli("demo", "--keep", str(tmp_path / "kept"))

    assert ended.returncode == 1
    assert "failure" in ended.stdout
    assert ended.stderr.startswith("ERROR - That should not have ended with 69: alternator-backup doctor")
