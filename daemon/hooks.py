"""Calls the operator's command and pings a URL when a run starts and ends.

Each of the two has a thread of its own, so neither waits for the other, and no run for either. What goes wrong is a
warning in the log and nothing more.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from queue import SimpleQueue

from backup_core.events import HOOK_DROPPED, HOOK_FAILED, HOOK_FINISHED, Reporter
from daemon.history_records import Outcome, RunRecord, TableRecord
from daemon.hook_command import KILL_SECONDS, run_command
from daemon.hook_ping import ping
from daemon.observers import SilentObserver
from daemon.settings_file import HOOK_PREFIX
from daemon.settings_observability import At, HooksSettings


QUEUE_LENGTH = 100
"""So many calls wait at most; with this many, hooks hang and their news is old."""

VALUE_CHARACTERS = 30_000
"""Linux takes 131,072 bytes in one variable, and characters have up to four; a longer value would stop the command."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call that waits for its turn."""

    at: At
    run_id: str
    make: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of a run that is under way."""

    run: RunRecord
    tables: tuple[str, ...]
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Hooks(SilentObserver):
    """A `RunObserver` that calls. None of its methods waits but `close`.

    Args:
        settings: what is in force.
        reporter: hears of each call that was made.
    """

    def __init__(self, settings: HooksSettings, reporter: Reporter) -> None:
        self._settings = settings
        self._under_way: dict[str, _Told] = {}
        self._stopping = threading.Event()
        self._commands = _Lane("command", reporter, self._stopping)
        self._pings = _Lane("ping", reporter, self._stopping)

    def apply(self, settings: HooksSettings) -> None:
        """Have these settings from now on; what waits is called as it was meant."""
        self._settings = settings

    def run_started(self, run: RunRecord, tables: Sequence[str]) -> None:
        """See `RunObserver`."""
        self._under_way[run.run_id] = told = _Told(run, tuple(tables))
        self._call("start", told, {})

    def table_finished(self, table: TableRecord) -> None:
        """See `RunObserver`; kept until the run has ended."""
        if table.outcome is not Outcome.SUCCEEDED and table.run_id in self._under_way:
            told = self._under_way[table.run_id]
            told.failed.append(table.table)
            told.errors.append(table.error)

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime, error: str = "") -> None:
        """See `RunObserver`; a run is a success if all of it succeeded."""
        told = self._under_way.pop(run_id)
        variables = {
            "OUTCOME": outcome.value,
            "FINISHED_AT": finished_at.isoformat(),
            "FAILED_TABLES": _listed(told.failed),
            "ERROR": (error or next(iter(told.errors), "")).replace("\0", " ")[:VALUE_CHARACTERS],
        }
        self._call("success" if outcome is Outcome.SUCCEEDED else "failure", told, variables)

    def close(self, timeout_seconds: float) -> None:
        """Wait for what is still to be called, then kill the command that runs; what is left is not called.

        Args:
            timeout_seconds: how long to wait.
        """
        deadline = time.monotonic() + timeout_seconds
        lanes = (self._commands, self._pings)
        for lane in lanes:
            lane.end()
        for lane in lanes:
            lane.join(deadline - time.monotonic())
        self._stopping.set()
        self._commands.join(KILL_SECONDS)

    def _call(self, at: At, told: _Told, variables: dict[str, str]) -> None:
        settings = self._settings
        if at not in settings.at:
            return
        if settings.command:
            environment = _environment(at, told, variables)
            self._commands.put(
                _Call(
                    at,
                    told.run.run_id,
                    lambda: run_command(settings.command, environment, settings.timeout_seconds, self._stopping),
                )
            )
        if settings.ping_url.get_secret_value():
            suffix = {"start": settings.ping_start, "success": settings.ping_success, "failure": settings.ping_failure}
            url = settings.ping_url.get_secret_value() + suffix[at]
            self._pings.put(_Call(at, told.run.run_id, lambda: ping(url, settings.timeout_seconds)))


class _Lane:
    """One kind of hook: its calls one after the other in a thread."""

    def __init__(self, hook: str, reporter: Reporter, stopping: threading.Event) -> None:
        self._hook = hook
        self._reporter = reporter
        self._stopping = stopping
        self._waiting: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"hook-{hook}", daemon=True)
        self._thread.start()

    def put(self, call: _Call) -> None:
        if self._waiting.qsize() >= QUEUE_LENGTH:
            self._drop(call, f"{QUEUE_LENGTH} calls wait already")
        else:
            self._waiting.put(call)

    def end(self) -> None:
        self._waiting.put(None)

    def join(self, timeout_seconds: float) -> None:
        self._thread.join(max(timeout_seconds, 0))

    def _work(self) -> None:
        while (call := self._waiting.get()) is not None:
            if self._stopping.is_set():
                self._drop(call, "the daemon ends")
            else:
                self._make(call)

    def _make(self, call: _Call) -> None:
        fields = {"hook": self._hook, "at": call.at, "run_id": call.run_id}
        started = time.monotonic()
        try:
            call.make()
        except Exception as error:  # noqa: BLE001  (whatever it is, the next call needs this thread)
            self._reporter.warning(HOOK_FAILED, **fields, error=str(error) or type(error).__name__)
        else:
            self._reporter.event(HOOK_FINISHED, **fields, duration_seconds=round(time.monotonic() - started, 3))

    def _drop(self, call: _Call, reason: str) -> None:
        self._reporter.warning(HOOK_DROPPED, hook=self._hook, at=call.at, run_id=call.run_id, reason=reason)


def _environment(at: At, told: _Told, variables: dict[str, str]) -> dict[str, str]:
    run = told.run
    values = {
        "EVENT": at,
        "RUN_ID": run.run_id,
        "WHAT": run.what,
        "SCHEDULE": ",".join(run.schedules),
        "TAG": run.tag,
        "NOMINAL_AT": run.nominal_at.isoformat(),
        "STARTED_AT": run.started_at.isoformat(),
        "TABLES": _listed(told.tables),
    }
    return {HOOK_PREFIX + name: value for name, value in (values | variables).items()}


def _listed(names: Sequence[str]) -> str:
    """Names with spaces between them, which no name has in it; an ellipsis stands for what is too much."""
    listed = " ".join(names)
    if len(listed) <= VALUE_CHARACTERS:
        return listed
    return listed[: listed.rindex(" ", 0, VALUE_CHARACTERS) + 1] + "..."
