"""Reloads while a run is on."""

import json
import signal
from datetime import datetime, timedelta
from typing import Any

from sandbox.faults import Fault
from tests.e2e.services import daemon
from tests.faults.commands import Gate, until
from tests.faults.machine import Machine


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
