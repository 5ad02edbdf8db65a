"""The sandbox as a user starts it."""

import re
import signal
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Cli, clean_environment


ANY_PORTS = ("--alternator-port", "0", "--cql-port", "0", "--api-port", "0")
TIMEOUT_SECONDS = 40


@pytest.mark.parametrize(("version", "options"), [("6.2", ("--auth",)), ("2026.1", ())])
def test_its_settings_are_ready_to_be_used(tmp_path: Path, cli: Cli, version: str, options: tuple[str, ...]) -> None:
    """What it writes and tells is all that a backup needs."""
    settings = tmp_path / "here" / "settings.toml"
    settings.parent.mkdir()
    with _sandbox(tmp_path, "--version", version, "--fill", "--write-settings", str(settings), *options) as told:
        exported = dict(re.findall(r"export (\w+)=(\w+)", told))
        ended = cli("--settings", str(settings), "backup", "--all", env=exported)

    assert (ended.returncode, bool(exported)) == (0, "--auth" in options), ended.stderr
    assert f"ScyllaDB {version}." in told
    tables = {path.name for path in (settings.parent / "backups").iterdir() if path.is_dir()}
    assert tables == {"users", "Game.Scores-2024", "...", "-dash.", "empty_table"}


def test_without_a_file_the_settings_are_printed(tmp_path: Path) -> None:
    """As TOML, with the ports that were found free."""
    with _sandbox(tmp_path) as told:
        text = told.partition("to try it with:\n")[2].partition("  alternator-backup")[0]

        settings = tomllib.loads(text)
        for url in (settings["alternator"]["endpoint"], settings["node"]["api_url"]):
            assert url in told
        with socket.create_connection((settings["cql"]["host"], settings["cql"]["port"])):
            pass


def test_ctrl_c_ends_it_and_nothing_is_left(tmp_path: Path) -> None:
    """As SIGTERM does, which ends all others here: its temporary directory is gone."""
    with _process(tmp_path, *ANY_PORTS) as process:
        directory = _data_directory(_told(process))
        assert directory.is_dir()
        process.send_signal(signal.SIGINT)

        assert process.wait(TIMEOUT_SECONDS) == 130
    assert not directory.parent.exists()


def test_a_directory_that_was_given_is_left(tmp_path: Path) -> None:
    """With the data in it; another sandbox doesn't take it over."""
    directory = tmp_path / "node"
    with _sandbox(tmp_path, "--fill", "--directory", str(directory)):
        pass

    assert [*(directory / "data" / "alternator_users").glob("users-*")]
    with _process(tmp_path, *ANY_PORTS, "--directory", str(directory)) as process:
        _, error = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, error) == (
        78,
        f"ERROR - {directory} is not empty. Give the sandbox a directory of its own: it remembers nothing.\n",
    )


def test_a_port_that_is_taken_is_named(cli: Cli) -> None:
    """With the option that gives another one."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        ended = cli("sandbox", "--alternator-port", "0", "--cql-port", str(port), "--api-port", "0")

    assert ended.returncode == 75
    assert ended.stderr == f"ERROR - Port {port} is taken. Give another one with --cql-port; 0 picks a free one.\n"


def test_settings_of_somebody_else_are_never_replaced(tmp_path: Path, cli: Cli) -> None:
    """Its own are."""
    settings = tmp_path / "settings.toml"
    settings.write_text("[node]\n")

    ended = cli("sandbox", *ANY_PORTS, "--write-settings", str(settings))
    kept = settings.read_text()
    settings.unlink()
    for _ in range(2):
        with _sandbox(tmp_path, "--write-settings", str(settings)):
            pass

    assert (ended.returncode, kept) == (78, "[node]\n")
    assert "replaces only what it wrote itself" in ended.stderr


def test_without_its_extra_it_tells_how_to_install_it(tmp_path: Path, cli: Cli) -> None:
    """In one line."""
    absent = tmp_path / "site" / "moto" / "__init__.py"
    absent.parent.mkdir(parents=True)
    absent.write_text("raise ModuleNotFoundError(\"No module named 'moto'\", name='moto')\n")

    ended = cli("sandbox", *ANY_PORTS, env={"PYTHONPATH": str(tmp_path / "site")})

    assert ended.returncode == 78
    assert ended.stderr == (
        "ERROR - The sandbox is not installed: there is no module moto. pip install 'alternator-backup[sandbox]'\n"
    )


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_what_is_no_port_is_wrong_usage(cli: Cli, port: str) -> None:
    """In one line."""
    ended = cli("sandbox", f"--cql-port={port}")

    assert ended.returncode == 2
    assert f"'{port}' is no port" in ended.stderr
    assert ended.stderr.count("\n") == 1


@contextmanager
def _sandbox(tmp_path: Path, *arguments: str) -> Iterator[str]:
    """A sandbox for the block, and what it has told; SIGTERM ends it, and nothing but a directory of ours is left."""
    with _process(tmp_path, *ANY_PORTS, *arguments) as process:
        told = _told(process)
        yield told
        process.terminate()
        assert process.wait(TIMEOUT_SECONDS) == 143
    assert _data_directory(told).exists() == ("--directory" in arguments)


@contextmanager
def _process(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [COMMAND, "sandbox", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=clean_environment(tmp_path),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _data_directory(told: str) -> Path:
    """Where a sandbox says that its node's data is."""
    return Path(re.findall(r"data +(\S+)", told)[0])


def _told(process: subprocess.Popen[str]) -> str:
    """Everything up to the last line, which is the command to try."""
    assert process.stdout is not None
    told = ""
    while "backup --all" not in told:
        line = process.stdout.readline()
        assert line, told
        told += line
    return told
