"""`status.json` in the state directory: what the daemon is at, for `status`, which may run as another user."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from backup_core.errors import BackupError
from backup_core.events import STATUS_FAILED, Reporter
from backup_core.storage_errors import storage_errors
from daemon.activity import Activity, StepUnderWay
from daemon.attempts import Attempt
from daemon.coalescing import DueRun
from daemon.monitoring.service_status import STATUS_NAME


@dataclass(frozen=True, slots=True)
class Reloaded:
    """When the settings in force were loaded, and why newer ones don't count; None if these are the newest."""

    loaded_at: datetime
    error: str | None = None


class StatusFile:
    """Written whole or not at all, and only when something has changed. That it can't be written harms nothing.

    Args:
        state_directory: where it is.
        reporter: hears, once, that it can't be written.
    """

    def __init__(self, state_directory: Path, reporter: Reporter) -> None:
        self._path = state_directory / STATUS_NAME
        self._reporter = reporter
        self._written: Mapping[str, Any] = {}
        self._failing = False

    def write(self, status: Mapping[str, Any], now: datetime) -> None:
        """Have it say this.

        Args:
            status: as JSON knows it.
            now: of `updated_at`.
        """
        if status == self._written:
            return
        temporary = self._path.with_suffix(".tmp")
        try:
            with storage_errors(self._path):
                # Not synced: after a crash of the machine nothing in it is true any more anyway.
                temporary.write_text(json.dumps({**status, "updated_at": now.isoformat()}, indent=1))
                temporary.rename(self._path)
            self._written, self._failing = status, False
        except BackupError as error:
            if not self._failing:
                self._reporter.warning(STATUS_FAILED, error=str(error))
            self._failing = True


def settings_status(path: Path, reloaded: Reloaded) -> dict[str, Any]:
    """Where the settings in force come from."""
    return {
        "path": str(path),
        "loaded_at": reloaded.loaded_at.isoformat(),
        "reload_error": reloaded.error,
    }


def schedules_status(
    next_times: Mapping[str, datetime], last_handled: Mapping[str, datetime]
) -> dict[str, dict[str, str | None]]:
    """When each schedule fires next, and for when it last did."""
    return {
        name: {
            "next_at": next_at.isoformat(),
            "last_nominal_at": last_handled[name].isoformat() if name in last_handled else None,
        }
        for name, next_at in next_times.items()
    }


def running_status(activity: Activity) -> dict[str, Any] | None:
    """What runs now: the run, and as its own fields the step that has been under way for longest."""
    current = activity.current()
    if current is None:
        return None
    attempt, began_at = current
    steps = [_step(step) for step in activity.steps()]
    return {
        **attempt_status(attempt),
        "started_at": began_at.isoformat(),
        **(steps[0] if steps else {}),
        "steps": steps,
    }


def attempt_status(attempt: Attempt) -> dict[str, Any]:
    """A run that is under way, or waits for its turn or to be tried again."""
    return {
        **due_status(attempt.run),
        "run_id": attempt.run_id,
        "attempt": attempt.number,
        "tables": None if attempt.tables is None else [table.name for table in attempt.tables],
    }


def due_status(run: DueRun) -> dict[str, Any]:
    """A run that nobody has looked at yet: the worker is at another one."""
    return {
        "run_id": None,
        "what": run.what,
        "tag": run.tag,
        "schedule": [schedule.name for schedule in run.schedules],
        "attempt": 1,
        "tables": None,
    }


def _step(step: StepUnderWay) -> dict[str, Any]:
    return {
        "step": step.step,
        "table": step.table,
        "repository": step.repository,
        "done_bytes": step.done_bytes,
        "total_bytes": step.total_bytes,
    }
