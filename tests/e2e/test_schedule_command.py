"""What is due when, as `schedule` tells it."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conftest import Cli, settings_text
from tests.e2e.doctor import make_table


AT = ("--at", "2026-10-24T12:00")
RULES = {
    "schedule__nightly": 'cron = "30 2 * * *"\ntimezone = "Europe/Berlin"\nexclude = ["tmp_*"]',
    "schedule__users": 'every = "6h"\ntables = ["users", "nobody"]\nsplay = "10m"',
    "schedule__tidy": 'cron = "@weekly"\nwhat = "prune"\ncatch_up = false',
}


@pytest.fixture
def settings_file(node: Sandbox, tmp_path: Path) -> Path:
    """Settings with three schedules."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path, **RULES))
    return path


def told(cli: Cli, *arguments: str) -> dict[str, dict[str, Any]]:
    """What `schedule --json` says, by schedule."""
    ended = cli("schedule", "--json", *arguments)
    assert ended.returncode == 0, ended.stderr
    return {entry["schedule"]: entry for entry in json.loads(ended.stdout)}


@pytest.mark.usefixtures("settings_file")
def test_it_prints_times_and_tables(node: Sandbox, cli: Cli) -> None:
    """The tables that are there now, and the next times on each schedule's own clock with the tags of the runs."""
    for name in ("users", "tmp_a", "votes"):
        make_table(node, name)
    assert cli("backup", "users").returncode == 0

    ended = cli("schedule", *AT, "--count", "2")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "SCHEDULE  WHAT    WHEN                             TABLES",
        "nightly   backup  cron 30 2 * * * (Europe/Berlin)  2 of 3: users, votes",
        "users     backup  every 6h                         1 of 3: users",
        "tidy      prune   cron @weekly (UTC)               1 of 1: users",
        "",
        "SCHEDULE  NEXT                       TAG",
        "nightly   2026-10-25 02:30:00+02:00  1792888200",
        "nightly   2026-10-26 02:30:00+01:00  1792978200",
        "users     2026-10-24 18:00:00+00:00  1792864800",
        "users     2026-10-25 00:00:00+00:00  1792886400",
        "tidy      2026-10-25 00:00:00+00:00  1792886400",
        "tidy      2026-11-01 00:00:00+00:00  1793491200",
    ]


@pytest.mark.usefixtures("settings_file")
def test_programs_are_told_the_same(node: Sandbox, cli: Cli) -> None:
    """Times in UTC; five of them if nothing else is said."""
    make_table(node, "votes")

    schedules = told(cli, *AT)

    assert [len(entry["next"]) for entry in schedules.values()] == [5, 5, 5]
    assert schedules["nightly"] | {"next": schedules["nightly"]["next"][:1]} == {
        "schedule": "nightly",
        "what": "backup",
        "when": "cron 30 2 * * * (Europe/Berlin)",
        "timezone": "Europe/Berlin",
        "tables": ["*"],
        "exclude": ["tmp_*"],
        "splay_seconds": 0.0,
        "catch_up": True,
        "would_take": ["votes"],
        "next": ["2026-10-25T00:30:00+00:00"],
    }
    assert (schedules["users"]["would_take"], schedules["users"]["splay_seconds"]) == ([], 600.0)
    assert schedules["tidy"]["catch_up"] is False


@pytest.mark.usefixtures("settings_file")
def test_without_the_node_the_patterns_are_printed(node: Sandbox, cli: Cli) -> None:
    """It says why on standard error, and that is no failure."""
    node.alternator.stop()

    ended = cli("schedule", *AT, "--count", "1")

    assert ended.returncode == 0
    assert "nightly   backup  cron 30 2 * * * (Europe/Berlin)  * but not tmp_*\n" in ended.stdout
    assert "nightly   2026-10-25 02:30:00+02:00" in ended.stdout
    node_line, repository_line = ended.stderr.splitlines()
    assert "Tables are shown as the settings name them: Alternator at " in node_line
    assert "can't be reached" in node_line
    assert "The repository local isn't there" in repository_line
    assert told(cli)["nightly"]["would_take"] is None


def test_settings_that_are_not_in_force_can_be_tried(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """The times are those of the file that is named, from now on."""
    new = tmp_path / "new.toml"
    new.write_text(settings_text(node, tmp_path, schedule__new='every = "15m"'))

    schedules = told(cli, "--settings", str(new))

    assert list(schedules) == ["new"]
    assert schedules["new"]["next"] == sorted(schedules["new"]["next"])


def test_settings_without_schedules_say_so(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Nothing comes by itself; programs get an empty list."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path))

    ended = cli("--settings", str(path), "schedule")

    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == f"{path} has no schedules: add a [schedule.NAME] with cron or every.\n"
    assert told(cli, "--settings", str(path)) == {}


def test_an_expression_that_is_none_is_told_with_its_reason(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """With the path of its key, as a problem of the settings."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path, schedule__nightly='cron = "H 2 * * *"'))

    for verb in (("schedule",), ("settings", "check")):
        ended = cli("--settings", str(path), *verb)

        assert ended.returncode == 78
        assert "schedule.nightly.cron: 'H 2 * * *' is no cron expression: bad minute" in ended.stderr


@pytest.mark.parametrize("arguments", [("--count", "0"), ("--count", "1001"), ("--count", "x"), ("--at", "tomorrow")])
@pytest.mark.usefixtures("settings_file")
def test_wrong_usage_is_one_line(cli: Cli, arguments: tuple[str, str]) -> None:
    """That names what is wrong."""
    ended = cli("schedule", *arguments)

    assert ended.returncode == 2
    assert repr(arguments[1]) in ended.stderr
    assert ended.stderr.count("\n") == 1
