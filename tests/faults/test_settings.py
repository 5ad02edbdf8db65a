"""settings.toml: not there, not readable, not TOML, or wrong; whatever is wrong with it, no secret is ever told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Cli


MARKER = "hunter2-never-tell"
SECRETS = f'[alternator]\nsecret_access_key = "{MARKER}"\n[cql]\npassword = "{MARKER}"\n'
REPOSITORY = '[repository.local]\npath = "backups"\n'


@pytest.fixture
def refused(cli: Cli, tmp_path: Path) -> Callable[..., str]:
    """Has a settings file refused by a verb that needs one: 78, one ERROR line, which is returned; no secret in it."""

    def call(text: str | bytes | None, *, env: dict[str, str] | None = None) -> str:
        path = tmp_path / "settings.toml"
        if text is None:
            path.mkdir()
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        result = cli("list", "--settings", str(path), env=env)
        assert result.returncode == 78, result.stderr
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"ERROR - {path}")
        assert MARKER not in result.stdout + result.stderr
        return line

    return call


def test_settings_that_are_not_there_are_told(cli: Cli, tmp_path: Path) -> None:
    """A file that was named and isn't there, and no file at all: 78, with the ways to name one."""
    for arguments, env in (
        (("--settings", str(tmp_path / "no.toml")), {}),
        ((), {"ALTERNATOR_BACKUP_SETTINGS": str(tmp_path / "no.toml")}),
    ):
        result = cli("backup", "users", *arguments, env=env)
        assert result.returncode == 78
        assert result.stderr.splitlines() == [
            f"ERROR - {tmp_path / 'no.toml'} is not there. Name another file with --settings."
        ]
    result = cli("list")
    assert result.returncode == 78
    (line,) = result.stderr.splitlines()
    assert line.startswith("ERROR - No settings: neither /etc/alternator-backup/settings.toml nor ./settings.toml")
    assert "--settings" in line
    assert "ALTERNATOR_BACKUP_SETTINGS" in line


def test_settings_that_cannot_be_read_are_told(refused: Callable[..., str]) -> None:
    """A directory where the file should be: 78, in the operating system's words."""
    assert "can't be read: Is a directory" in refused(None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[node]\napi_url = \n", "line 2, column 11"),
        (f'{SECRETS}username = "{MARKER}\n', "line 5"),
        (b'[node]\napi_url = "\xff"\n', "utf-8"),
        (f"{SECRETS}{SECRETS}", "alternator"),
    ],
    ids=["no value", "no end", "no text", "twice"],
)
def test_settings_that_are_no_toml_are_told_by_their_place(
    refused: Callable[..., str], text: str | bytes, words: str
) -> None:
    """Bad TOML: 78, with line and column, or the key that is there twice."""
    line = refused(text)
    assert "is no TOML" in line
    assert words in line


def test_all_problems_are_told_at_once(refused: Callable[..., str]) -> None:
    """Unknown keys and sections, wrong types, values that can't be, missing ones: all with their key paths."""
    text = f"""
        nonsense = "{MARKER}"
        [node]
        api_url = "{MARKER}"
        timeout_seconds = "{MARKER}"
        [alternator]
        secret_access_key = ["{MARKER}"]
        secret_from = "{MARKER}"
        [cql]
        port = 70000
        password = {{ value = "{MARKER}" }}
        pasword = "{MARKER}"
        [repository.local]
        format = "{MARKER}"
        [repository."{MARKER[:3]} bad name"]
        path = "elsewhere"
        [limits]
        min_free_space = "120%"
        [schedule.nightly]
        cron = "0 2 * * *"
    """
    line = refused(text, env={"ALTERNATOR_BACKUP_CQLL__PASSWORD": MARKER})
    for key in (
        *("nonsense", "node.api_url", "node.timeout_seconds", "alternator.secret_access_key"),
        *("alternator.secret_from", "cql.port", "cql.password", "cql.pasword", "repository.local.format"),
        *("repository.local.path", "repository.hun bad name", "limits.min_free_space", "schedule"),
        "environment: ALTERNATOR_BACKUP_CQLL__PASSWORD",
    ):
        assert f"{key}:" in line or f"{key} " in line, (key, line)


def test_settings_without_a_repository_say_what_to_add(cli: Cli, tmp_path: Path) -> None:
    """There has to be somewhere to put backups: 78 before the node is asked for anything."""
    (tmp_path / "settings.toml").write_text("")
    result = cli("backup", "users")
    assert result.returncode == 78
    (line,) = result.stderr.splitlines()
    assert line == "ERROR - repository: there is no repository. Add [repository.local] with a path to settings.toml."


def test_check_lists_each_problem_on_a_line_of_its_own(cli: Cli, tmp_path: Path) -> None:
    """`settings check` ends with 78 and has the problems for people and for programs."""
    path = tmp_path / "settings.toml"
    path.write_text(f'{SECRETS}port = "{MARKER}"\n{REPOSITORY}colour = "{MARKER}"\n')
    for arguments in ((), ("--json",)):
        result = cli("settings", "check", *arguments)
        assert result.returncode == 78
        first, second = result.stderr.splitlines()
        assert first.startswith("settings.toml: cql.port: ")
        assert second == "settings.toml: repository.local.colour: there is no such key"
        assert MARKER not in result.stdout + result.stderr
    assert [problem.partition(":")[0] for problem in json.loads(result.stdout)["problems"]] == [
        "cql.port",
        "repository.local.colour",
    ]


def test_secrets_are_masked_where_settings_are_shown(cli: Cli, tmp_path: Path) -> None:
    """What is in force can be shown to anybody: file, environment and credentials give no secret away."""
    (tmp_path / "settings.toml").write_text(SECRETS + REPOSITORY)
    (tmp_path / "alternator__secret_access_key").write_text(MARKER)
    env = {"ALTERNATOR_BACKUP_CQL__PASSWORD": MARKER, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    for arguments in ((), ("--json",)):
        result = cli("settings", "show", *arguments, env=env)
        assert result.returncode == 0
        assert result.stdout.count("********") == 2
        assert MARKER not in result.stdout + result.stderr
