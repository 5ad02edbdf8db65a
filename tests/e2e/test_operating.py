"""The commands of docs/operate.md, as who reads the page types them, as far as they need no running systemd."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.node import Sandbox
from tests.conftest import COMMAND, TIMEOUT_SECONDS, clean_environment
from tests.documents import ROOT, document, fenced
from tests.e2e.services import Daemon, daemon
from tests.faults.machine import Machine


PAGE_METRICS = "127.0.0.1:9188"
RUN_HERE = ("alternator-backup ", "curl ", "deploy/systemd/install.sh", "journalctl ", "systemctl reload ")
NOT_RUN_HERE = (
    ("systemctl ", "there is no running systemd"),
    ("read -rs ", "asks a person for a secret"),
    ("install -D ", "writes to the machine's own /etc"),
    ("as_service=", "needs the service's user"),
    ("setpriv ", "needs the service's user"),
    ("chown ", "needs the service's user"),
    ("cat > /etc/", "writes to the machine's own /etc"),
    ("chmod 0755 /etc/", "writes to the machine's own /etc"),
    ("git pull", "needs where it was cloned from"),
)
"""Beginnings of lines, with the reason."""


def lines() -> Iterator[str]:
    """Every command of the page in its order, without the text that one of them is given to write."""
    for block in fenced(document("docs/operate.md"), "bash"):
        inside = False
        for line in map(str.strip, block.splitlines()):
            if not inside:
                yield line
            inside = (inside or "<<'EOF'" in line) and line != "EOF"


def test_every_command_is_run_or_has_a_reason() -> None:
    """A command that is new on the page is either run by the test below, or it is said here why it can't be."""
    known = (*RUN_HERE, *(beginning for beginning, _ in NOT_RUN_HERE))
    assert [line for line in lines() if not line.startswith(known)] == []


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="the page takes jq and curl for granted")
@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_commands_work(node: Sandbox, tmp_path: Path) -> None:
    """Installed into a directory, with a daemon that has made backups, each command of the page does what it says."""
    machine, metrics = Machine(node, tmp_path), free_address()
    machine.create("users")
    machine.back_up("users")
    machine.set_up(metrics=f'listen = "{metrics}"', repository__local="retention = { keep_last = 1 }")
    with daemon(machine.settings) as running:
        # Nothing comes after that: the page's own commands want the table, too.
        running.until("backup.removed")
        running.until("run.finished")
        stand_ins(tmp_path / "bin", running, tmp_path / "journal")
        printed = {
            line: output(line.replace(PAGE_METRICS, metrics), tmp_path, machine.settings)
            for line in dict.fromkeys(lines())
            if line.startswith(RUN_HERE)
        }
        assert running.until("settings.reloaded")
        assert running.stop() == 0
    assert_what_was_asked_for_is_shown(printed)


def assert_what_was_asked_for_is_shown(printed: dict[str, str]) -> None:
    """Of each kind of command, what the page promises."""
    assert any('"event": "run.finished"' in text for line, text in printed.items() if "select(.event" in line)
    assert any('"reason":"not of the minimum 1; not of the last 1"' in text for text in printed.values())
    assert "The daemon is running: pid " in printed["alternator-backup status"]
    assert printed["alternator-backup status --json | jq .daemon.alive"] == "true\n"
    assert printed[f"curl -s http://{PAGE_METRICS}/healthz"].startswith('{"alive": true')
    assert 'success_timestamp_seconds{table="users"}' in "".join(printed.values())
    assert printed["alternator-backup check --warn 26h --critical 50h"].startswith("ALTERNATOR BACKUP OK")


def stand_ins(directory: Path, running: Daemon, journal: Path) -> None:
    """What systemd does for the page: journalctl shows the log after a line of its own, systemctl sends SIGHUP."""
    journal.write_text("\n".join(["Started alternator-backup.service", *map(json.dumps, running.lines), ""]))
    programs = {"journalctl": f"cat {journal}", "systemctl": f"kill -HUP {running.process.pid}"}
    directory.mkdir()
    for name, script in programs.items():
        (directory / name).write_text(f"#!/bin/sh\nexec {script}\n")
        (directory / name).chmod(0o755)


def output(line: str, directory: Path, settings: Path) -> str:
    """What a command of the page prints; it has to end with 0, each program of a pipe too."""
    if line.startswith("deploy/systemd/install.sh"):
        line += f" --root {directory / 'root'}"
    path = os.pathsep.join((str(directory / "bin"), str(COMMAND.parent), os.environ["PATH"]))
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        cwd=ROOT,
        env=clean_environment(directory)
        | {"PATH": path, "ALTERNATOR_BACKUP_SETTINGS": str(settings), "PYTHON": sys.executable},
        check=False,
    )
    assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
    return ended.stdout


def free_address() -> str:
    """An address that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
