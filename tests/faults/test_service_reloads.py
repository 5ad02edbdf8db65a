"""Reloads while a run is on, before the daemon is ready, and to what can't be had."""

import json
import os
import signal
import socket
from datetime import datetime, timedelta
from typing import Any

from sandbox.faults import Fault
from tests.e2e.services import daemon
from tests.faults.commands import Gate, until
from tests.faults.machine import Machine
from tests.scrape import get


def test_a_reload_while_a_run_is_on(machine: Machine) -> None:
    """The run ends as it began, good or bad as the reload is; a schedule that was removed fires no more."""
    gate = Gate()
    machine.node.faults.set("cql DESCRIBE TABLE", Fault("call", action=gate), times=1)
    kept = {"schedule__kept": 'cron = "0 2 1 1 *"\ntimezone = "Europe/Berlin"'}
    machine.set_up(**kept)
    with daemon(machine.settings) as running:
        assert gate.reached.wait(30)
        next_at = _next_times(machine)["kept"]

        machine.settings.write_text("[node\n")
        running.signal(signal.SIGHUP)
        running.until("settings.reload_failed")
        machine.write_settings(**kept, schedule__new='every = "1s"')
        text = machine.settings.read_text().replace(str(machine.backups), str(machine.directory / "others"))
        machine.settings.write_text(text)
        running.signal(signal.SIGHUP)
        running.until("settings.reloaded")
        assert running.said("schedule.removed", schedule="weekly")
        running.notify.until("READY=1", count=3)
        _assert_new_has_missed_nothing(machine)
        running.until("schedule.due", schedule="new")
        running.signal(signal.SIGHUP)  # it writes the status file at once
        until(lambda: ["new"] in [run["schedule"] for run in _status(machine)["waiting"]])

        gate.open()
        running.until("run.finished", schedule="weekly")
        running.until("run.finished", schedule="new", count=2)
        assert _next_times(machine)["kept"] == next_at
        assert "weekly" not in _next_times(machine)
        assert running.stop() == 0
        assert [line["event"] for line in running.errors()] == ["settings.reload_failed"]
    (weekly,) = machine.listed()
    assert weekly.tag == running.said("run.finished", schedule="weekly")[0]["tag"]
    stored = {line["schedule"]: line["path"] for line in running.said("backup.published")}
    assert stored["new"].startswith(str(machine.directory / "others"))
    machine.assert_clean()


def test_a_reload_to_a_taken_port_counted_as_one(machine: Machine) -> None:
    """It is refused as a whole: the old address answers, the old schedules fire, and one ERROR line says why."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    listen = f'listen = "{address[0]}:{address[1]}"'
    machine.write_settings(schedule__slow='every = "7d"', metrics=listen)
    with daemon(machine.settings) as running, socket.create_server(("127.0.0.1", 0)) as taken:
        running.notify.until("READY=1")
        machine.write_settings(schedule__new='every = "7d"', metrics=f'listen = "127.0.0.1:{taken.getsockname()[1]}"')
        running.signal(signal.SIGHUP)
        failed = running.until("settings.reload_failed")
        assert failed["error"].startswith("metrics.listen: 127.0.0.1:")
        running.notify.until("READY=1", count=2)
        assert get(address, "/healthz")[0] == 200
        assert list(_next_times(machine)) == ["slow"]
        assert running.stop() == 0
        assert running.errors() == [failed]


def test_a_sighup_before_anything_was_read_killed_it(machine: Machine) -> None:
    """Signals count from the very beginning: what came while the settings were read is done once it is ready."""
    machine.write_settings()
    settings = machine.settings
    text = settings.read_text()
    settings.unlink()
    os.mkfifo(settings)
    with daemon(settings) as running:
        with settings.open("w") as reading:  # it is opened when the daemon opens it
            running.signal(signal.SIGHUP)
            replacement = settings.with_name("settings.new")
            replacement.write_text(text)
            replacement.replace(settings)
            reading.write(text)
        running.until("settings.reloaded")
        assert running.stop() == 0


def _next_times(machine: Machine) -> dict[str, str]:
    """When the schedules fire next, as the daemon's status file says."""
    return {name: schedule["next_at"] for name, schedule in _status(machine)["schedules"].items()}


def _assert_new_has_missed_nothing(machine: Machine) -> None:
    """What it would have done before the reload that brought it is no reason to catch up at the next start."""
    status = _status(machine)
    loaded_at = datetime.fromisoformat(status["settings"]["loaded_at"])
    assert loaded_at - datetime.fromisoformat(status["schedules"]["new"]["last_nominal_at"]) < timedelta(seconds=1)


def _status(machine: Machine) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((machine.directory / "state" / "status.json").read_text())
    return status
