"""Secrets that are marked, in every place that settings have for them: no output has one, whoever makes it."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conftest import Cli, settings_text
from tests.e2e.services import daemon
from tests.faults.harness import Station
from tests.scrape import get


MARK = "m4rked"
MANY_CHARACTERS = 20
"""Nobody who tells something gets by with less."""

VERBS = (
    ("settings", "show"),
    ("status", "--json"),
    ("check",),
    ("doctor",),
    ("backup", "users"),
)


def free_port() -> int:
    """A port on which nobody listens at this moment."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A node that asks for credentials, with a table that can be backed up and one that can't."""
    with Sandbox(directory=tmp_path / "node", authorization=True) as node:
        station = Station(node, tmp_path)
        station.create("users", "orders")
        node.faults.set("cql DESCRIBE TABLE", Fault("error", (0x2000, "unusable")), containing="orders")
        yield station


def write_settings(station: Station, port: int, file_format: str) -> None:
    """Settings with a place for everything that tells something."""
    hooked = f"env >> {station.directory}/hooked; tr '\\\\0' ' ' < /proc/$PPID/cmdline >> {station.directory}/hooked"
    log = station.directory / "backup.log"
    changes = {
        "metrics": f'listen = "127.0.0.1:{port}"',
        "hooks": f"command = {['/bin/sh', '-c', hooked]}",
        "schedule__quick": 'every = "2s"',
        "alternator": 'access_key_id = "backup"',
        "cql": 'username = "backup"',
        "log": f'level = "DEBUG"\nfile = "{log}"\nfile_format = "{file_format}"',
    }
    station.settings.write_text(settings_text(station.node, station.directory, **changes))


@pytest.mark.slow
@pytest.mark.parametrize(("right", "file_format"), [(True, "text"), (False, "json")], ids=["right", "wrong"])
def test_no_output_has_a_secret(station: Station, cli: Cli, *, right: bool, file_format: str) -> None:
    """At DEBUG, with runs and reloads that succeed and fail: no log, file, metric, hook or command has one."""
    role, port = station.node.catalog.add_role("backup", f"{MARK}-password"), free_port()
    secrets = {
        "ALTERNATOR_BACKUP_CQL__PASSWORD": f"{MARK}-password" if right else f"{MARK}-wrong",
        "ALTERNATOR_BACKUP_ALTERNATOR__SECRET_ACCESS_KEY": role.salted_hash if right else f"{MARK}-wrong",
        "ALTERNATOR_BACKUP_HOOKS__PING_URL": f"http://127.0.0.1:1/{MARK}-ping",
    }
    write_settings(station, port, file_format)
    told: list[str] = []
    with daemon(station.settings, **secrets) as running:
        running.until("run.finished" if right else "run.failed")
        running.until("hook.failed", hook="ping")
        running.until("hook.finished", hook="command")
        told += [get(("127.0.0.1", port), path)[2] for path in ("/metrics", "/healthz")]
        for verb in VERBS:
            called = cli(*verb, "--settings", str(station.settings), env=secrets)
            told += [called.stdout + called.stderr]
        station.settings.write_text(f'[cql]\npassword = ["{MARK}-in-the-file"]\n[hooks]\nping_url = "{MARK}"\n')
        running.signal(signal.SIGHUP)
        running.until("settings.reload_failed")
        running.stop()
    assert [text for text in told if len(text) < MANY_CHARACTERS] == []
    told += [str(line) for line in running.lines]
    hidden = (MARK, role.salted_hash)
    assert [text for text in told if any(secret in text for secret in hidden)] == []
    for path in written(station):
        assert not any(secret.encode() in path.read_bytes() for secret in hidden), path


def written(station: Station) -> list[Path]:
    """All that isn't the node's, nor where the secrets were put."""
    files = [path for path in station.directory.rglob("*") if path.is_file() and path != station.settings]
    files = [path for path in files if station.directory / "node" not in path.parents]
    assert {"hooked", "backup.log", "status.json", "history.sqlite3"} <= {path.name for path in files}
    return files
