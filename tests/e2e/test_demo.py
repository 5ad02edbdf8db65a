"""The demo, as `make demo` runs it."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Cli


TIMEOUT_SECONDS = 240
"""On a machine that has other things to do."""


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_SECONDS + 60)
def test_it_shows_everything_and_ends_by_itself(tmp_path: Path, cli: Cli) -> None:
    """Tables are backed up by hand, by the daemon and into a bucket, and restored; what is kept can be read later."""
    kept = tmp_path / "kept"

    ended = cli("demo", "--keep", str(kept), timeout_seconds=TIMEOUT_SECONDS)
    listed = cli("--settings", str(kept / "settings.toml"), "list", "--json")
    again = cli("demo", "--keep", str(kept))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert_backups_are_shown(ended.stdout)
    assert_the_daemon_is_shown(ended.stdout)
    by_hand, offsite = ended.stdout.split("--- Off the node, into a bucket\n")
    assert_restores_are_shown(by_hand)
    assert_the_bucket_is_shown(offsite)
    assert f"Everything is still in {kept}." in ended.stdout
    assert {(entry["repository"], entry["status"]) for entry in json.loads(listed.stdout)} == {("local", "complete")}
    assert again.returncode == 78
    assert again.stderr.startswith(f"ERROR - {kept / 'node'} is not empty.")


def assert_backups_are_shown(shown: str) -> None:
    """Every command by hand, every table verified, and the files as they can be read without us."""
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
        assert [table, "ok"] in [[row[0], row[3]] for row in rows if row[-2:] == ["every", "byte"]]
    assert "real SSTables, recorded from a real node" in shown
    assert "── users_backup.tar.gz  (" in shown
    assert "users_backup.tar.gz: OK" in shown
    assert "Traceback" not in shown


def assert_the_daemon_is_shown(shown: str) -> None:
    """Lines of its log, what came of a wrong and of a right reload, what retention removed, and its end."""
    lines = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
    events = [line["event"] for line in lines]
    assert events == [
        "schedule.due",
        "run.started",
        "snapshot.taken",
        "backup.published",
        "snapshot.cleared",
        "run.finished",
        "settings.reload_failed",
        "settings.reloaded",
        *["backup.removed"] * events.count("backup.removed"),
        "service.stopping",
        "service.stopped",
    ]
    assert lines[6]["problems"] == ["repository.local.retention.keep_last: has to be an integer"]
    removed = [line for line in lines if line["event"] == "backup.removed"]
    assert len(removed) >= 2
    assert {line["reason"] for line in removed} == {"not of the minimum 1; not of the last 2"}
    for command in ("run 2> daemon.log &", "prune users --plan", "status", "check --warn 26h --critical 50h"):
        assert f"$ alternator-backup {command}\n" in shown
    assert "The daemon is running: pid " in shown
    assert "ALTERNATOR BACKUP OK - 6 tables checked" in shown


def assert_restores_are_shown(shown: str) -> None:
    """A deleted table comes back, and a copy beside it, each with all that a client can see; then there is a drill."""
    steps = (
        'dynamodb.delete_table(TableName="users")',
        "Still there:",
        "$ alternator-backup restore users\n",
        "$ alternator-backup -q restore users --as users_copy\n",
        "$ alternator-backup -q drill Game.Scores-2024\n",
    )
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert "users" not in next(line for line in shown.splitlines() if line.startswith("Still there:")).split()
    _, in_place, copy, drilled = (shown[start:end] for start, end in pairwise([*places[1:], len(shown)]))
    for proof, table in ((in_place, "users"), (copy, "users_copy")):
        rows = [line.split() for line in proof.splitlines() if line.endswith(("  same", "  different"))]
        assert [row[:2] for row in rows] == [
            ["keys", "pk"],
            ["attributes", "age"],
            ["GSI", "by_email"],
            ["GSI", "users_by_age"],
            ["billing", "PAY_PER_REQUEST"],
            ["tag", "environment"],
            ["tag", "team"],
            ["time", "to"],
            ["stream", "off"],
        ]
        assert {row[-1] for row in rows} == {"same"}
        assert "expires_at" in proof
        assert f"restored as {table} (id " in proof
        assert "400 items, 400 in users_by_age, 400 in by_email; the backups cover 100 % of the token ring." in proof
    assert "came back as it was, in a drill." in drilled
    assert "It has 200 items, 200 in by.day, 200 in by_level;" in drilled
    assert "Of 100 items compared with the live table 100 are the same" in drilled


def assert_the_bucket_is_shown(shown: str) -> None:
    """The second run sends a part, the older backup would go, and a node that never saw them proves the newer one."""
    steps = (
        "$ alternator-backup -q backup users\n",
        "$ alternator-backup list users\n",
        "$ alternator-backup prune users --plan\n",
        "$ alternator-backup --settings other.toml -q restore users --from offsite\n",
    )
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert shown.count(steps[0]) == 2
    _, listed, planned, restored = (shown[start:end] for start, end in pairwise([*places, len(shown)]))
    newer, older = offsite_rows(listed)
    assert sent_share(older) == 1
    assert sent_share(newer) < 0.7
    assert [row[1] for row in (newer, older)] == [row[1] for row in offsite_rows(planned)]
    assert [row[8] for row in offsite_rows(planned)] == ["keep", "remove"]
    assert "  different" not in restored
    assert "proven." in restored
    assert "It has 401 items, 400 in users_by_age, 400 in by_email;" in restored


def offsite_rows(shown: str) -> list[list[str]]:
    """Words of each line about a backup in the bucket."""
    return [line.split() for line in shown.splitlines() if "  offsite  " in line]


def sent_share(row: list[str]) -> float:
    """How much of a listed backup was sent, from 0 to 1; both sizes are in KiB."""
    assert (row[6], row[9]) == ("KiB", "KiB")
    return float(row[8]) / float(row[5])


def test_a_command_that_fails_fails_the_demo(tmp_path: Path, cli: Cli) -> None:
    """With what went wrong above it; without recordings of real nodes it says so. Any version can be played."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "backups").write_text("in the way")

    ended = cli("demo", "--keep", str(tmp_path / "kept"), "--data", str(tmp_path), "--version", "2026.1")

    assert ended.returncode == 1
    assert "ScyllaDB 2026.1." in ended.stdout
    assert "no part of an installation" in ended.stdout
    assert "failure" in ended.stdout
    assert ended.stderr.startswith("ERROR - That should not have ended with 69: alternator-backup doctor")
