"""What all tests share: a node to talk to, settings for it, and the command line as a user has it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sandbox.node import Sandbox
from tests.s3_server import S3Server, running_s3_server


COMMAND = Path(sys.executable).with_name("alternator-backup")
TIMEOUT_SECONDS = 50

INDEX_MEMORY_SECONDS = 0.3
EXPECTED_INDEX_MEMORY_SECONDS = 30.0
"""Of the node: less than in life, so that a restore needn't wait as long; and at most, by the settings."""

# How long an example takes says how busy the machine is, and nothing of what it shows.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(params=["6.2"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """A node without tables; `@pytest.mark.parametrize("node", [...], indirect=True)` chooses its version."""
    with Sandbox(request.param, directory=tmp_path / "node", index_memory_seconds=INDEX_MEMORY_SECONDS) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server; buckets are made by each test for itself."""
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


def settings_text(node: Sandbox, tmp_path: Path, **changes: str) -> str:
    """A settings.toml for a node; `changes` are lines added to a section, as `limits='min_free_space = "5%"'`."""
    sections = {
        "node": f'api_url = "{node.api.url}"\ntimeout_seconds = 5\nsnapshot_timeout_seconds = 20\n'
        f"index_memory_seconds = {EXPECTED_INDEX_MEMORY_SECONDS}",
        "alternator": f'endpoint = "{node.alternator.url}"',
        "cql": f'host = "{node.cql.host}"\nport = {node.cql.port}',
        "repository.local": f'path = "{tmp_path / "backups"}"\nallow_same_disk = true',
        "limits": "" if "limits" in changes else 'min_free_space = "0"',
        "state": f'directory = "{tmp_path / "state"}"',
    }
    for section, lines in changes.items():
        name = section.replace("__", ".")
        sections[name] = f"{sections.get(name, '')}\n{lines}"
    return "\n".join(f"[{name}]\n{lines}\n" for name, lines in sections.items())


@pytest.fixture
def settings_file(node: Sandbox, tmp_path: Path) -> Path:
    """Settings for `node`: a repository in `backups`, state in `state`."""
    path = tmp_path / "settings.toml"
    path.write_text(settings_text(node, tmp_path))
    return path


@pytest.fixture
def cli(tmp_path: Path, request: pytest.FixtureRequest) -> Cli:
    """Call the installed command in an environment of its own; with `settings_file` in use, with these settings."""

    def call(
        *arguments: str,
        stdin: str | None = None,
        env: dict[str, str] | None = None,
        cwd: Path = tmp_path,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> subprocess.CompletedProcess[str]:
        environment = clean_environment(tmp_path)
        if "settings_file" in request.fixturenames:
            environment["ALTERNATOR_BACKUP_SETTINGS"] = str(request.getfixturevalue("settings_file"))
        return subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            cwd=cwd,
            env=environment | (env or {}),
            check=False,
        )

    return call


def clean_environment(home: Path) -> dict[str, str]:
    """This process's environment without what could change the command's mind.

    Each start would otherwise compile every module anew where Python may not keep them compiled.
    """
    dropped = ("ALTERNATOR_BACKUP_", "AWS_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | {"HOME": str(home)}
