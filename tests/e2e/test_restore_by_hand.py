"""README.txt of a backup, followed literally: its commands, in one shell, in the backup's directory."""

from pathlib import Path

import pytest

from sandbox.node import Sandbox
from tests.e2e.by_hand import ADDRESSES, make, seen, shell
from tests.faults.commands import until
from tests.faults.harness import Station


def follow(readme: Path, node: Sandbox, directory: Path) -> str:
    """Type what the README has indented by four, and return what is printed; only the addresses are the node's."""
    script = "\n".join(line[4:] for line in readme.read_text().splitlines() if line.startswith("    "))
    assert script.count(ADDRESSES) == 1
    script = script.replace(ADDRESSES, f"export ALTERNATOR={node.alternator.url} API={node.api.url}")
    ended = shell(script, directory=readme.parent, stand_ins=directory)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    return ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("node", "name"), [("6.2", "users"), ("2026.1", "-x-")], indirect=["node"])
def test_the_readme_brings_a_table_back(node: Sandbox, tmp_path: Path, name: str) -> None:
    """After DeleteTable the commands as they stand bring all back that a client can see, and leave no file."""
    station = Station(node, tmp_path)
    make(node, name)
    before = seen(node, name)
    station.back_up(name)
    (listing,) = station.listed()
    files = sorted(node.data_directory.iterdir())
    station.drop(name)
    printed = follow(Path(listing.location, "README.txt"), node, tmp_path / "programs")
    assert "users_backup.tar.gz: OK".replace("users", name) in printed
    assert "\n200\n" in printed
    until(lambda: seen(node, name) == before)
    assert sorted(node.data_directory.iterdir()) == files
    assert list(node.data_directory.glob("*/*/upload/*")) == []
