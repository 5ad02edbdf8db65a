"""What `/metrics` tells of tables before anything has run."""

import socket
import time
from contextlib import closing
from pathlib import Path

from backup_core.events import SilentReporter
from daemon.history import History
from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conftest import settings_text
from tests.e2e.services import TIMEOUT_SECONDS, daemon
from tests.history_samples import at, result, run
from tests.scrape import scrape


LAST_SUCCESS = "alternator_backup_table_last_success_timestamp_seconds"


def free_address() -> tuple[str, int]:
    """Where nobody listens just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
    return host, port


def test_ages_are_known_before_the_first_run(node: Sandbox, tmp_path: Path) -> None:
    """Old backups raise an alarm also after a restart: by the history where the node is down, else by its tables."""
    host, port = free_address()
    settings = tmp_path / "settings.toml"
    settings.write_text(
        settings_text(
            node,
            tmp_path,
            metrics=f'listen = "{host}:{port}"',
            schedule__slow='cron = "0 2 1 1 *"\nexclude = ["tmp_*"]',
        )
    )
    (tmp_path / "state").mkdir(mode=0o700)
    with closing(History.open(tmp_path / "state" / "history.sqlite3", [], SilentReporter())) as history:
        history.run_started(run("a"))
        for table in ("users", "dropped", "tmp_table"):
            history.table_finished(result("a", table, 1))
    for table in ("users", "never", "tmp_table"):
        client(node).create_table(**simple_table(table))
    age = at(1).timestamp()

    node.faults.set("alternator ListTables", Fault("drop"))
    with daemon(settings) as running:
        running.notify.until("READY=1")
        assert scrape((host, port)).of(LAST_SUCCESS) == {'table="users"': age, 'table="dropped"': age}
        assert running.stop() == 0

    node.faults.clear()
    with daemon(settings) as running:
        running.notify.until("READY=1")
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while (found := scrape((host, port)).of(LAST_SUCCESS)) != {'table="users"': age, 'table="never"': 0}:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        assert running.stop() == 0
