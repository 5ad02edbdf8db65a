"""Reading where there are several repositories, or one for each host: without a node."""

import json
from pathlib import Path

import pytest

from backup_core.model import Table
from tests.conftest import Cli
from tests.repository_backups import HOST_ID, TAG, USERS, opened, publish, repository


OTHER_HOST = "11111111-2222-3333-4444-555555555555"
LATER = "1733313019"
ORDERS = Table("orders", "320f8fd0aca211f0af61efb5703633f5")


def write_settings(tmp_path: Path, **paths: str) -> None:
    """Settings with these repositories."""
    lines = (f'[repository.{name}]\npath = "{path}"\n' for name, path in paths.items())
    (tmp_path / "settings.toml").write_text("".join(lines))


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """Where two hosts have their repositories below one directory, beside what is none of them."""
    root = tmp_path / "hosts"
    publish(opened(root / HOST_ID / "backups"), tmp_path / "data")
    other = repository(root / OTHER_HOST / "backups")
    other.open(OTHER_HOST, "Test Cluster")
    publish(other, tmp_path / "data", tag=LATER)
    (root / "22222222-2222-3333-4444-555555555555" / "backups").mkdir(parents=True)
    opened(root / "somebody" / "backups")
    write_settings(tmp_path, local=f"{root}/{{host_id}}/backups")
    return root


@pytest.mark.usefixtures("hosts")
def test_a_path_with_a_host_id_is_read_without_a_node(cli: Cli) -> None:
    """`list`, `show` and `verify` find the repositories of all hosts at such a path, and only those."""
    listed = cli("list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert sorted(entry["tag"] for entry in json.loads(listed.stdout)) == [TAG, LATER]
    for tag, host_id in ((TAG, HOST_ID), (LATER, OTHER_HOST)):
        shown = cli("show", "users", tag, "--json")
        assert host_id in json.loads(shown.stdout)["location"]
    verified = cli("verify", "--deep")
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.count(" ok ") == 2


def test_a_host_id_that_stands_twice_is_the_same_one(cli: Cli, tmp_path: Path) -> None:
    """One host's directory below another's is neither's repository."""
    for above, below in ((HOST_ID, HOST_ID), (HOST_ID, OTHER_HOST)):
        publish(opened(tmp_path / above / f"node-{below}"), tmp_path / "data" / below)
    write_settings(tmp_path, local=f"{tmp_path}/{{host_id}}/node-{{host_id}}")
    (entry,) = json.loads(cli("list", "--json").stdout)
    assert f"{HOST_ID}/node-{HOST_ID}/" in entry["location"]


@pytest.mark.parametrize("arguments", [("list",), ("show", "users"), ("verify",)])
def test_a_path_with_a_host_id_where_nothing_is_yet_is_told(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """No host has a repository there: 10, with the path and what to look at."""
    write_settings(tmp_path, local=f"{tmp_path}/{{host_id}}")
    result = cli(*arguments)
    assert result.returncode == 10
    (line,) = result.stderr.splitlines()
    assert f"The repository local isn't there: {tmp_path}/{{host_id}}. It is made by the first backup." in line


def test_a_backup_is_found_in_whichever_repository_has_it(cli: Cli, tmp_path: Path) -> None:
    """`show` and `verify` look into every repository before they say that there is none."""
    publish(opened(tmp_path / "a"), tmp_path / "data")
    publish(opened(tmp_path / "b"), tmp_path / "data", table=ORDERS)
    write_settings(tmp_path, first="a", second="b")
    for table, name in ((USERS.name, "first"), (ORDERS.name, "second")):
        for verb in ("show", "verify"):
            result = cli(verb, table, TAG)
            assert result.returncode == 0, result.stderr
            assert name in result.stdout
    for verb in ("show", "verify"):
        assert cli(verb, "nobody").returncode == 10
        assert cli(verb, "users", LATER).returncode == 10


def test_a_repository_that_is_not_there_is_no_verified_one(cli: Cli, tmp_path: Path) -> None:
    """`verify` of everything ends with 10 if one of the repositories is missing, its disk not mounted for example."""
    publish(opened(tmp_path / "a"), tmp_path / "data")
    write_settings(tmp_path, first="a", second="b")
    result = cli("verify")
    assert result.returncode == 10
    assert "The repository second isn't there" in result.stderr


def test_programs_hear_how_a_backup_was_verified_and_what_is_wrong(cli: Cli, tmp_path: Path) -> None:
    """`verify --json` has how, how much, and each problem by itself."""
    stored = publish(opened(tmp_path / "a"), tmp_path / "data")
    write_settings(tmp_path, local="a")
    for arguments, deep in (((), False), (("--deep",), True)):
        (entry,) = json.loads(cli("verify", "--json", *arguments).stdout)
        assert (entry["result"], entry["deep"], entry["problems"]) == ("ok", deep, [])
        assert entry["objects"] > 3
        assert entry["size_bytes"] > 0
    for name in ("README.txt", "table_schema.cql"):
        Path(stored.location, name).unlink()
    log = tmp_path / "verify.log"
    environment = {"ALTERNATOR_BACKUP_LOG__FILE": str(log), "ALTERNATOR_BACKUP_LOG__FILE_FORMAT": "json"}
    result = cli("verify", "--json", env=environment)
    assert result.returncode == 1
    (entry,) = json.loads(result.stdout)
    assert (entry["result"], entry["deep"], entry["objects"]) == ("damaged", False, None)
    assert sorted(problem.partition(" ")[0] for problem in entry["problems"]) == ["README.txt", "table_schema.cql"]
    assert entry["detail"] == "; ".join(entry["problems"])
    (said,) = (line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "backup.damaged")
    assert (said["repository"], said["table"], said["tag"]) == ("local", "users", TAG)
