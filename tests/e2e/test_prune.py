"""Retention through the command line: prune, hold, release, forget."""

import fcntl
import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backup_core.model import Table
from backup_core.repository.local import LocalRepository
from tests.conftest import COMMAND, Cli, clean_environment
from tests.e2e.terminal import on_terminal
from tests.repository_backups import USERS, names, opened
from tests.retention_cases import IDS, publish_small


NOW = datetime.now(UTC)
DAYS = (0, 1, 2, 30)
ORDERS = Table("orders", IDS[1])


@pytest.fixture
def target(tmp_path: Path) -> LocalRepository:
    """Backups of users that are 0, 1, 2 and 30 days old, tagged 1000000000 and so on, and one of orders."""
    made = opened(tmp_path / "backups")
    for age in DAYS:
        publish_small(made, USERS, str(1000000000 + age), NOW - timedelta(days=age))
    publish_small(made, ORDERS, "1000000000", NOW - timedelta(days=100))
    return made


@pytest.fixture
def settings_file(tmp_path: Path, target: LocalRepository) -> Path:
    """Settings for the repository: no node is there, and none is asked."""
    path = tmp_path / "settings.toml"
    path.write_text(f"""
        [repository.local]
        path = "{target.path}"
        retention = {{ keep_within = "7d" }}
        retention_for = [{{ tables = ["tmp_*"], keep_last = 1 }}]
        [state]
        directory = "{tmp_path / "state"}"
    """)
    return path


def users(target: LocalRepository) -> list[int]:
    """Ages of the backups of users that are listed, in days."""
    return [int(one.tag) - 1000000000 for one in target.backups("users")]


def environment(tmp_path: Path, settings_file: Path) -> dict[str, str]:
    """What a command on a terminal of its own finds."""
    return {**clean_environment(tmp_path), "ALTERNATOR_BACKUP_SETTINGS": str(settings_file), "TERM": "dumb"}


@pytest.mark.usefixtures("settings_file")
def test_the_plan_tells_what_would_go_and_why(cli: Cli, target: LocalRepository) -> None:
    """`prune --plan` has a line with the reasons for every backup, and changes nothing."""
    ended = cli("prune", "--plan")
    assert ended.returncode == 0, ended.stderr
    header, orders, *of_users = ended.stdout.splitlines()
    assert header.split() == ["TABLE", "TAG", "SNAPSHOT", "SIZE", "REPOSITORY", "ACTION", "WHY"]
    assert orders.endswith("keep    minimum 1 of 1")
    assert of_users[0].endswith("keep    minimum 1 of 1; within 7d")
    assert of_users[3].endswith("remove  not of the minimum 1; older than 7d")
    assert ended.stderr == "1 backup (4 B) of 5 would go.\n"
    assert users(target) == [0, 1, 2, 30]


@pytest.mark.usefixtures("settings_file", "target")
def test_the_plan_is_there_for_programs(cli: Cli) -> None:
    """`--json` has what `list --json` has of each backup, with action and reasons."""
    ended = cli("prune", "users", "--plan", "--json")
    planned: list[dict[str, Any]] = json.loads(ended.stdout)
    assert [(one["tag"], one["action"]) for one in planned] == [
        ("1000000000", "keep"),
        ("1000000001", "keep"),
        ("1000000002", "keep"),
        ("1000000030", "remove"),
    ]
    assert planned[3]["reasons"] == ["not of the minimum 1", "older than 7d"]
    assert (planned[3]["table_id"], planned[3]["size_bytes"], planned[3]["hold"]) == (USERS.id, 4, None)


@pytest.mark.usefixtures("settings_file")
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M+01:00"])
def test_the_plan_can_be_that_of_another_day(cli: Cli, target: LocalRepository, form: str) -> None:
    """With `--at`, ages count from that date or time; removals as of another time are refused."""
    moment = (NOW + timedelta(days=50)).strftime(form)
    planned = json.loads(cli("prune", "users", "--plan", "--json", "--at", moment).stdout)
    assert [one["action"] for one in planned] == ["keep", "remove", "remove", "remove"]
    refused = cli("prune", "--at", moment, "--yes")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--at is for --plan" in refused.stderr
    assert len(users(target)) == 4


@pytest.mark.usefixtures("settings_file", "target")
@pytest.mark.parametrize("text", ["tomorrow", "0001-01-01T00:00+01:00"])
def test_what_is_no_date_is_wrong_usage(cli: Cli, text: str) -> None:
    """`--at` takes dates and times of ISO 8601 that can be told in UTC, and says so."""
    ended = cli("prune", "--plan", "--at", text)
    assert ended.returncode == 2
    assert f"{text!r} is no date like 2027-01-01" in ended.stderr


@pytest.mark.usefixtures("settings_file")
def test_what_no_rule_wants_is_removed(cli: Cli, target: LocalRepository) -> None:
    """`prune --yes` removes it, says what and how much, and a second time finds nothing."""
    ended = cli("prune", "--yes")
    assert ended.returncode == 0, ended.stderr
    assert [line.split()[:2] for line in ended.stdout.splitlines()[1:]] == [["users", "1000000030"]]
    assert "Removed backup users/1000000030 from local (4 B): not of the minimum 1; older than 7d" in ended.stderr
    assert ended.stderr.endswith("Removed 1 backup (4 B).\n")
    assert users(target) == [0, 1, 2]
    again = cli("prune", "--yes", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (0, [])
    assert again.stderr == "There was nothing to remove.\n"


@pytest.mark.usefixtures("settings_file")
def test_only_the_named_tables_are_pruned(cli: Cli, target: LocalRepository) -> None:
    """Tables can be named; one that doesn't exist is told before anything is removed."""
    assert cli("prune", "orders", "--yes").returncode == 0
    missing = cli("prune", "users", "Users", "--yes")
    assert (missing.returncode, missing.stdout) == (10, "")
    assert "There is no backup of a table 'Users' in local. Close to it: users, orders." in missing.stderr
    assert users(target) == [0, 1, 2, 30]


@pytest.mark.usefixtures("settings_file")
@pytest.mark.parametrize("arguments", [("prune",), ("prune", "--json"), ("forget", "users")])
def test_nothing_is_asked_and_removed_without_a_terminal(
    cli: Cli, target: LocalRepository, arguments: tuple[str, ...]
) -> None:
    """From cron or a pipe, a verb that removes has to be told --yes."""
    ended = cli(*arguments, stdin="yes\nusers\n")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--yes" in ended.stderr
    assert users(target) == [0, 1, 2, 30]


@pytest.mark.parametrize(("typed", "code"), [("yes", 0), ("y", 1)])
def test_prune_asks_on_a_terminal(
    tmp_path: Path, settings_file: Path, target: LocalRepository, typed: str, code: int
) -> None:
    """Who sits at a terminal sees what would go, and only a whole yes removes it."""
    with on_terminal([str(COMMAND), "prune"], environment(tmp_path, settings_file)) as terminal:
        terminal.wait_for("1000000030")
        terminal.answer("Remove 1 backup (4 B)? Type yes to go on: ", typed)
        terminal.wait_for("Removed 1 backup" if code == 0 else "Nothing was removed.")
        assert terminal.wait() == code
    assert users(target) == ([0, 1, 2] if code == 0 else [0, 1, 2, 30])


def test_what_has_come_since_the_question_pushes_nothing_out(
    tmp_path: Path, settings_file: Path, target: LocalRepository
) -> None:
    """A backup that is made while the question stands doesn't cost one that wasn't shown."""
    settings_file.write_text(settings_file.read_text().replace('keep_within = "7d"', "keep_last = 3"))
    with on_terminal([str(COMMAND), "prune"], environment(tmp_path, settings_file)) as terminal:
        terminal.wait_for("Remove 1 backup (4 B)?")
        publish_small(target, USERS, "1000000009", NOW - timedelta(minutes=1))
        terminal.answer("to go on: ", "yes")
        terminal.wait_for("Removed 1 backup")
        assert terminal.wait() == 0
    assert users(target) == [0, 9, 1, 2]


@pytest.mark.usefixtures("settings_file")
def test_held_backups_stay_until_they_are_released(cli: Cli, target: LocalRepository) -> None:
    """`hold` keeps a backup whatever the rules say, `list` and `--plan` tell who and why; `release` ends that."""
    held = cli("hold", "users", "1000000030", "--reason", "before the\nmigration", env={"SUDO_USER": "alice"})
    words = f"held by alice since {NOW:%Y-%m-%d}: before the migration"
    assert (held.returncode, held.stdout) == (0, "")
    assert f"Backup users/1000000030 in local is {words}" in held.stderr
    assert words in cli("list", "users").stdout
    assert cli("prune", "--plan").stdout.splitlines()[-1].endswith(f"keep    {words}")
    assert "There was nothing to remove" in cli("prune", "--yes").stderr
    released = cli("release", "users", "1000000030")
    assert f"Backup users/1000000030 in local is no longer {words}" in released.stderr
    assert "users/1000000030 was not on hold." in cli("release", "users", "1000000030").stderr
    assert cli("prune", "--yes").returncode == 0
    assert users(target) == [0, 1, 2]


@pytest.mark.usefixtures("settings_file")
def test_what_is_not_there_cannot_be_held(cli: Cli, target: LocalRepository) -> None:
    """An unknown tag or table is told with what is near; the predecessor's backups need no hold."""
    assert "Nearest: 1000000030" in cli("hold", "users", "1000000029").stderr
    assert cli("hold", "users", "1000000029").returncode == 10
    assert cli("release", "nobody", "1000000029").returncode == 10
    (target.path / "users/legacy-1600000000").mkdir()
    (target.path / "users/legacy-1600000000/users_backup.tar.gz").write_bytes(b"rows")
    refused = cli("hold", "users", "legacy-1600000000")
    assert refused.returncode == 69
    assert "`prune` never removes it" in refused.stderr


@pytest.mark.usefixtures("settings_file")
def test_a_table_is_forgotten(cli: Cli, target: LocalRepository) -> None:
    """`forget TABLE --yes` removes every backup of it, with its directory; what isn't there can't be forgotten."""
    ended = cli("forget", "users", "--yes")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "Removed backup users/1000000030 from local (4 B): forgotten" in ended.stderr
    assert names(target.path) == {"~repository.json", "orders"}
    assert cli("forget", "users", "--yes").returncode == 10
    assert cli("forget", "../orders", "--yes").returncode == 10


@pytest.mark.usefixtures("settings_file")
def test_the_former_life_of_a_table_is_forgotten_by_its_id(cli: Cli, target: LocalRepository) -> None:
    """`--id` takes only the backups of a table that was dropped, and names the ids that there are."""
    former = replace(USERS, id=IDS[2])
    publish_small(target, former, "1000000500", NOW - timedelta(days=500))
    wrong = cli("forget", "users", "--id", IDS[0], "--yes")
    assert wrong.returncode == 10
    assert f"Known ids: {former.id}, {USERS.id}." in wrong.stderr
    assert cli("forget", "users", "--id", former.id, "--yes").returncode == 0
    assert users(target) == [0, 1, 2, 30]


@pytest.mark.usefixtures("settings_file")
def test_a_held_backup_cannot_be_forgotten(cli: Cli, target: LocalRepository) -> None:
    """`forget` refuses as long as one of the backups is held, and says how to release it."""
    cli("hold", "users", "1000000002")
    ended = cli("forget", "users", "--yes")
    assert ended.returncode == 69
    assert "Release it first: `release users 1000000002`." in ended.stderr
    assert users(target) == [0, 1, 2, 30]


@pytest.mark.parametrize(("typed", "code"), [("users", 0), ("yes", 1), ("Users", 1)])
def test_forget_asks_for_the_name_of_the_table(
    tmp_path: Path, settings_file: Path, target: LocalRepository, typed: str, code: int
) -> None:
    """On a terminal nothing but the table's name, as it is written, removes its backups."""
    with on_terminal([str(COMMAND), "forget", "users"], environment(tmp_path, settings_file)) as terminal:
        terminal.wait_for("Remove all backups of users for good: 4 (16 B) from local?")
        terminal.answer("Type users to go on: ", typed)
        terminal.wait_for("forgotten" if code == 0 else "Nothing was removed.")
        assert terminal.wait() == code
    assert users(target) == ([] if code == 0 else [0, 1, 2, 30])


@pytest.mark.usefixtures("settings_file")
def test_a_table_that_is_being_backed_up_is_not_forgotten(cli: Cli, tmp_path: Path, target: LocalRepository) -> None:
    """`forget` waits for nobody: a run that has the table is told with exit code 11."""
    (tmp_path / "state/locks").mkdir(parents=True)
    with (tmp_path / "state/locks/users.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert cli("forget", "users", "--yes").returncode == 11
    assert users(target) == [0, 1, 2, 30]


def test_every_repository_has_its_own_rules(cli: Cli, tmp_path: Path, settings_file: Path) -> None:
    """With several repositories each is pruned by its own retention; one without rules keeps everything."""
    other = opened(tmp_path / "other")
    for age in DAYS:
        publish_small(other, USERS, str(1000000000 + age), NOW - timedelta(days=age))
    with settings_file.open("a") as file:
        file.write(f'\n[repository.other]\npath = "{other.path}"\n')
    planned = json.loads(cli("prune", "--plan", "--json").stdout)
    assert [(one["repository"], one["tag"]) for one in planned if one["action"] == "remove"] == [
        ("local", "1000000030")
    ]
    assert {tuple(one["reasons"]) for one in planned if one["repository"] == "other"} == {
        ("no rule is set: everything stays",)
    }
    cli("hold", "users", "1000000030")
    assert all(opened(path).find("users", "1000000030").hold for path in (tmp_path / "backups", other.path))


@pytest.mark.usefixtures("settings_file")
def test_the_rules_in_force_are_shown(cli: Cli) -> None:
    """`settings show` prints the rules of tables as TOML that reads as what was set."""
    shown = tomllib.loads(cli("settings", "show").stdout)["repository"]["local"]
    assert (shown["retention"]["keep_within"], shown["retention"]["keep_minimum"]) == ("7d", 1)
    assert shown["retention_for"] == [{"keep_last": 1, "keep_minimum": 1, "tables": ["tmp_*"]}]
