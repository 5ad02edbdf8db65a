"""What doctor says of nodetool, where snapshots are taken with it."""

import json
from pathlib import Path

from sandbox.node import Sandbox
from tests.conftest import Cli, settings_text
from tests.e2e.doctor import examine
from tests.nodetool import nodetool_command


def settings_with(node: Sandbox, tmp_path: Path, command: object) -> str:
    """A settings file that says so, and names that command."""
    return written(node, tmp_path, f'snapshots = "nodetool"\nnodetool = {json.dumps(command)}')


def written(node: Sandbox, tmp_path: Path, lines: str) -> str:
    """A settings file with these lines in the section of the node."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path).replace("[node]", f"[node]\n{lines}"))
    return str(path)


def test_nodetool_that_answers_is_ok(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """A command with arguments is called with them, and has a line of its own."""
    found = examine(cli, "--settings", settings_with(node, tmp_path, nodetool_command(node)))
    assert (found.exit_code, found.states["nodetool"]) == (0, "ok")


def test_nodetool_that_is_not_there_is_a_failure(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """A missing program is told with the way out; so are arguments in one text with the program."""
    for command in ("/no/such/nodetool", "nodetool -h 127.0.0.1"):
        found = examine(cli, "--settings", settings_with(node, tmp_path, command))
        assert found.exit_code == 78
        [failure] = found.of("nodetool", "failure")
        assert command in failure["finding"]
        assert "node.nodetool" in failure["hint"]


def test_nodetool_is_asked_for_only_where_it_is_used(node: Sandbox, tmp_path: Path, cli: Cli) -> None:
    """Whoever takes snapshots over the REST API needs none."""
    found = examine(cli, "--settings", written(node, tmp_path, 'nodetool = "/no/such/nodetool"'))
    assert found.exit_code == 0
    assert "nodetool" not in found.states
