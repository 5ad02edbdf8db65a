"""What doctor says of directories, disks and snapshots."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backup_core.journal import Journal
from backup_core.model import Table
from sandbox.node import Sandbox
from tests.conftest import COMMAND, Cli, clean_environment, settings_text
from tests.e2e.doctor import drop_table, examine, make_table, request, take_snapshot


TAG = "1733313018"
MARKER = {
    "format_version": 1,
    "mode": "archive",
    "repository_id": "0b0c7a3e-7a35-4bd9-8f0e-0e7b9d3a9c11",
    "cluster": None,
    "host_id": "e5d1b1c4-0000-4000-8000-000000000000",
    "created_at": "2026-01-01T00:00:00Z",
}


@pytest.mark.usefixtures("settings_file")
def test_looking_changes_nothing(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Neither repository nor state directory is made."""
    make_table(node, "users")

    assert examine(cli).exit_code == 0

    assert not (tmp_path / "backups").exists()
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("settings_file", "node")
def test_a_repository_of_another_host_fails_as_a_backup_would(tmp_path: Path, cli: Cli) -> None:
    """The exit code is that of a backup."""
    marker = tmp_path / "backups" / "~repository.json"
    marker.parent.mkdir()
    marker.write_text(json.dumps(MARKER))

    found = examine(cli)

    assert found.exit_code == 78
    [failure] = found.of("repository local", "failure")
    assert MARKER["host_id"] in failure["finding"]


def test_a_repository_on_the_disk_of_the_data_fails_as_a_backup_would(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """It has to be allowed in the settings; a backup refuses before it makes the directory."""
    settings = tmp_path / "settings.toml"
    settings.write_text(settings_text(node, tmp_path).replace("allow_same_disk = true", ""))
    make_table(node, "users")

    found = examine(cli, "--settings", str(settings))
    backup = cli("--settings", str(settings), "backup", "users")

    assert found.exit_code == backup.returncode == 78
    [failure] = found.of("repository local", "failure")
    assert failure["finding"] in backup.stderr
    assert "allow_same_disk" in failure["hint"]
    assert not (tmp_path / "backups").exists()


@pytest.mark.usefixtures("settings_file", "node")
def test_too_little_free_space_fails(cli: Cli) -> None:
    """The line says how much there is, and how much has to stay."""
    found = examine(cli, env={"ALTERNATOR_BACKUP_LIMITS__MIN_FREE_SPACE": "99.99%"})

    assert found.exit_code == 1
    assert re.search(r"[\d.]+ \w+ of [\d.]+ \w+ free", found.of("space", "failure")[0]["finding"])


@pytest.mark.usefixtures("settings_file", "node")
@pytest.mark.parametrize(("name", "check"), [("backups", "repository local"), ("state", "state")])
def test_a_file_in_the_place_of_a_directory_fails(tmp_path: Path, cli: Cli, name: str, check: str) -> None:
    """It is named."""
    (tmp_path / name).write_text("in the way")

    found = examine(cli)

    assert found.exit_code == 69
    assert str(tmp_path / name) in found.of(check, "failure")[0]["finding"]


@pytest.mark.parametrize(("name", "check"), [("backups", "repository local"), ("state", "state")])
def test_a_directory_that_may_not_be_written_fails(settings_file: Path, tmp_path: Path, name: str, check: str) -> None:
    """The exit code is that of missing rights."""
    (tmp_path / name).mkdir(mode=0o500)

    ended = _without_privileges(settings_file)

    assert ended.returncode == 77
    assert re.search(rf"^failure +{check} +.*{name}.*Permission denied", ended.stdout, re.MULTILINE)


def test_data_that_may_not_be_read_fails(node: Sandbox, settings_file: Path) -> None:
    """The first file that can't be read is named, and how many there are."""
    make_table(node, "users")
    take_snapshot(node, TAG, "users")
    data = next(node.data_directory.glob("alternator_users/users-*/*-Data.db"))
    data.chmod(0)

    ended = _without_privileges(settings_file)

    assert ended.returncode == 77
    assert re.search(rf"^failure +data +1 of .*{re.escape(str(data))}.*group", ended.stdout, re.MULTILINE)


def test_a_data_directory_that_is_not_here_fails(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """And one that the node doesn't know is suspected."""
    settings = tmp_path / "settings.toml"
    here = f'[node]\ndata_dirs = ["{tmp_path / "nowhere"}"]'
    settings.write_text(settings_text(node, tmp_path).replace("[node]", here))

    found = examine(cli, "--settings", str(settings))

    assert str(tmp_path / "nowhere") in found.of("data", "failure")[0]["finding"]
    assert str(node.data_directory) in found.of("data", "warning")[0]["finding"]


@pytest.mark.usefixtures("settings_file")
@pytest.mark.parametrize("table", [".hidden", "Game.Scores-2024"])
def test_a_snapshot_that_is_not_ours_is_told_with_how_to_clear_it(node: Sandbox, cli: Cli, table: str) -> None:
    """The predecessor left them behind; also those of tables that the node's own list hides are found."""
    make_table(node, table)
    take_snapshot(node, TAG, table)

    found = examine(cli)

    assert found.exit_code == 0
    [warning] = found.of("snapshots", "warning")
    assert f"nodetool clearsnapshot -t {TAG} alternator_{table}" in warning["hint"]


@pytest.mark.usefixtures("settings_file")
def test_snapshots_of_a_keyspace_are_one_line_with_what_clearing_them_frees(node: Sandbox, cli: Cli) -> None:
    """Bytes that the table itself still has don't count, and the command clears them all."""
    make_table(node, "users", items=100)
    take_snapshot(node, TAG, "users")
    take_snapshot(node, "1733313019", "users")
    [live] = node.data_directory.glob("alternator_users/users-*/*-Data.db")
    with live.open("r+b") as file:
        file.truncate(2**20)

    [shared] = examine(cli).of("snapshots", "warning")
    live.unlink()
    [warning] = examine(cli).of("snapshots", "warning")

    assert "MiB" not in shared["finding"]
    assert "2 snapshot(s)" in warning["finding"]
    assert "1.0 MiB that only they hold" in warning["finding"]
    assert f"for tag in {TAG} 1733313019; do nodetool clearsnapshot -t $tag alternator_users; done" in warning["hint"]


@pytest.mark.usefixtures("settings_file")
def test_what_dropping_a_table_left_is_told_with_a_command_that_clears_it(node: Sandbox, cli: Cli) -> None:
    """Nodetool refuses a keyspace that is gone; the command that is told works."""
    make_table(node, "users")
    drop_table(node, "users")

    [warning] = examine(cli).of("snapshots", "warning")
    url = re.search(r'curl -X DELETE "([^"]+)"', warning["hint"])
    assert url is not None, warning
    request("DELETE", url[1])

    assert "pre-drop-" in warning["finding"]
    assert examine(cli).states["snapshots"] == "ok"


@pytest.mark.usefixtures("settings_file")
def test_a_snapshot_of_a_dead_run_is_left_to_the_next_run(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """It is ours, by the journal, and not told as somebody else's; the next run clears it."""
    make_table(node, "users")
    take_snapshot(node, TAG, "users")
    journal = Journal(tmp_path / "state" / "snapshots")
    entry = journal.record(TAG, Table("users", node.catalog.tables["users"].id.hex))

    running = examine(cli)
    journal.release(entry)
    dead = examine(cli)
    backup = cli("backup", "users")

    assert running.states["snapshots"] == "ok"
    [warning] = dead.of("snapshots", "warning")
    assert TAG in warning["finding"]
    assert "next run" in warning["hint"]
    assert backup.returncode == 0
    assert examine(cli).states["snapshots"] == "ok"


@pytest.mark.usefixtures("settings_file")
def test_snapshots_with_names_of_their_own_are_nobody_elses_business(node: Sandbox, cli: Cli) -> None:
    """Whoever took them knows what for."""
    make_table(node, "users")
    take_snapshot(node, "before_upgrade", "users")

    assert examine(cli).states["snapshots"] == "ok"


def _without_privileges(settings_file: Path) -> subprocess.CompletedProcess[str]:
    """Call doctor so that the rights of files count, also where the tests run as root."""
    command = [str(COMMAND), "--settings", str(settings_file), "doctor"]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root may everything here, and there is no setpriv to change that")
        command = [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", *command]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=50,
        env=clean_environment(settings_file.parent),
        check=False,
    )
