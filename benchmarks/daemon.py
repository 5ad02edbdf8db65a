"""What the daemon itself costs: time from start to READY, memory and CPU when idle, its own time for small tables.

Run as `make bench-daemon`; `python benchmarks/daemon.py --tables 10 100` for fewer. The node is the sandbox. A run is
the daemon's own: from when its schedule is due until the next one begins, with log, history, metrics and retention.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from report import Goal, print_heading, print_row

from sandbox.node import Sandbox


COMMAND = Path(sys.executable).with_name("alternator-backup")
READY_SECONDS, IDLE_MIB, IDLE_CPU_PERCENT, TABLE_SECONDS = Goal(2.0), Goal(110.0), Goal(0.5), Goal(0.1)
SETTINGS = """
[node]
api_url = "{api}"
[alternator]
endpoint = "{alternator}"
[cql]
host = "{host}"
port = {port}
[repository.local]
path = "backups"
allow_same_disk = true
[limits]
min_free_space = "0"
[state]
directory = "{state}"
[metrics]
listen = "127.0.0.1:0"
[schedule.one]
catch_up = false
{schedule}
"""
NEVER, AT_ONCE = 'cron = "0 0 29 2 *"', 'every = "2s"'


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, nargs="+", default=[10, 100, 1000], help="so many in a run")
    parser.add_argument("--starts", type=int, default=5, help="so many times it is started")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds to watch it doing nothing")
    arguments = parser.parse_args()
    print_heading("daemon")
    with tempfile.TemporaryDirectory(prefix="bench-") as directory, Sandbox(directory=Path(directory) / "node") as node:
        _measure_idle(_settings(node, Path(directory), NEVER), arguments.starts, arguments.idle)
        settings = _settings(node, Path(directory), AT_ONCE)
        _create(node, range(1))
        start_seconds, _ = _run_once(settings, 1)
        made = 1
        for count in arguments.tables:
            _create(node, range(made, count))
            made = count
            run_seconds, mib = _run_once(settings, count)
            seconds = (run_seconds - start_seconds) / (count - 1)
            goal = TABLE_SECONDS.verdict(seconds)
            print_row(f"own time for each table of {count}", f"{seconds * 1000:.0f} ms", goal=goal)
            print_row("memory after that run", f"{mib:.0f} MiB")


def _settings(node: Sandbox, directory: Path, schedule: str) -> Path:
    path = directory / "settings.toml"
    values = {"api": node.api.url, "alternator": node.alternator.url, "host": node.cql.host, "port": node.cql.port}
    path.write_text(SETTINGS.format(**values, state=directory / "state", schedule=schedule))
    return path


def _measure_idle(settings: Path, starts: int, idle_seconds: float) -> None:
    """Start it several times, for one start is often disturbed, and watch the last one doing nothing."""
    ready_seconds, start_cpu_seconds = [], []
    for number in range(starts):
        with _ready(settings) as (seconds, pid):
            ready_seconds.append(seconds)
            start_cpu_seconds.append(_cpu_seconds(pid))
            if number + 1 < starts:
                continue
            time.sleep(2)
            before_seconds = _cpu_seconds(pid)
            time.sleep(idle_seconds)
            percent = (_cpu_seconds(pid) - before_seconds) / idle_seconds * 100
            mib = _resident_mib(pid)
    seconds = statistics.median(ready_seconds)
    print_row(f"start to READY, median of {starts}", f"{seconds:.2f} s", goal=READY_SECONDS.verdict(seconds))
    print_row("on the processor meanwhile", f"{statistics.median(start_cpu_seconds):.2f} s")
    print_row("idle memory", f"{mib:.0f} MiB", goal=IDLE_MIB.verdict(mib))
    print_row("idle CPU of a core", f"{percent:.2f} %", goal=IDLE_CPU_PERCENT.verdict(percent))


@contextmanager
def _ready(settings: Path) -> Iterator[tuple[float, int]]:
    """A daemon that has told systemd that it is ready: how long that took, and its process."""
    address = f"@benchmark-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind("\0" + address[1:])
        notify.settimeout(60)
        started = time.monotonic()
        daemon = subprocess.Popen(
            [COMMAND, "run", "--settings", settings],
            env=os.environ | {"NOTIFY_SOCKET": address},
            stderr=subprocess.DEVNULL,
        )
        try:
            while not notify.recv(4096).startswith(b"READY=1"):
                pass
            yield time.monotonic() - started, daemon.pid
        finally:
            daemon.terminate()
            daemon.wait(60)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


def _create(node: Sandbox, numbers: range) -> None:
    client = boto3.client(
        "dynamodb",
        endpoint_url=node.alternator.url,
        region_name="us-east-1",
        aws_access_key_id="anybody",
        aws_secret_access_key="anything",  # noqa: S106  (the sandbox asks for none)
    )
    for number in numbers:
        name = f"table-{number}"
        client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client.put_item(TableName=name, Item={"pk": {"S": "a"}})


def _run_once(settings: Path, tables: int) -> tuple[float, float]:
    """What a run over all tables takes of a core, in seconds, and the daemon's memory after it, in MiB.

    Waiting for the node's answers isn't the daemon's own time, so the wall clock doesn't count.
    """
    daemon = subprocess.Popen([COMMAND, "run", "--settings", settings], stderr=subprocess.PIPE, text=True)
    try:
        return _first_run(daemon, tables)
    finally:
        daemon.terminate()
        daemon.communicate()


def _first_run(daemon: "subprocess.Popen[str]", tables: int) -> tuple[float, float]:
    before_seconds, run_id = None, None
    for text in daemon.stderr or ():
        line = json.loads(text)
        if line["event"] == "schedule.due" and before_seconds is None:
            before_seconds = _cpu_seconds(daemon.pid)
        elif line["event"] == "run.finished":
            if line["succeeded"] != tables:
                raise SystemExit(f"Not all of {tables} tables were backed up: {line}")
            run_id = line["run_id"]
        elif run_id is not None and line.get("run_id", run_id) != run_id:
            return _cpu_seconds(daemon.pid) - (before_seconds or 0.0), _resident_mib(daemon.pid)
    raise SystemExit("The daemon has ended before its second run.")


if __name__ == "__main__":
    main()
