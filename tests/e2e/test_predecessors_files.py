"""What the predecessor's script has left in the directory that is the repository now."""

import json
from pathlib import Path

import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conftest import Cli


@pytest.mark.usefixtures("settings_file")
def test_the_first_backup_moves_the_predecessors_out_of_its_way(node: Sandbox, cli: Cli, tmp_path: Path) -> None:
    """The predecessor's backup is kept and listed as what it is, and its paths lead to the newest backup."""
    client(node).create_table(**simple_table("users"))
    directory = tmp_path / "backups" / "users"
    directory.mkdir(parents=True)
    (directory / "users_backup.tar.gz").write_bytes(b"the old archive")
    (directory / "table_schema.cql").write_text("CREATE TABLE old;")

    backup = cli("backup", "users")
    assert backup.returncode == 0, backup.stderr
    assert "Moved the predecessor's backup of users out of the way; it is listed as legacy-" in backup.stderr
    newest, oldest = json.loads(cli("list", "--json").stdout)
    assert (newest["status"], oldest["status"]) == ("complete", "unverified")
    assert (Path(oldest["location"]) / "users_backup.tar.gz").read_bytes() == b"the old archive"
    assert (directory / "users_backup.tar.gz").samefile(Path(newest["location"]) / "users_backup.tar.gz")
