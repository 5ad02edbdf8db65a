"""The daemon: starts what works and what watches, serves signals, reloads, and ends in an orderly way.

The main thread does no work: it waits for signals, and in between looks whether everything is alive.
"""

import os
import signal
from collections.abc import Callable, Mapping
from datetime import datetime
from queue import Empty, SimpleQueue

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.errors import BackupError, SettingsError
from backup_core.events import (
    SERVICE_STARTED,
    SERVICE_STOP_TIMED_OUT,
    SERVICE_STOPPED,
    SERVICE_STOPPING,
    SETTINGS_RELOAD_FAILED,
    SETTINGS_RELOADED,
    Reporter,
)
from daemon.activity import Activity
from daemon.coalescing import due_runs
from daemon.loaded import Loaded
from daemon.metrics import Metrics
from daemon.reporters import Reporters
from daemon.runs import Runner
from daemon.scheduling import Scheduler
from daemon.signals import EXIT_CODES
from daemon.state import state_directory
from daemon.status_file import (
    Reloaded,
    StatusFile,
    attempt_status,
    due_status,
    running_status,
    schedules_status,
    settings_status,
)
from daemon.systemd import Notifier, watchdog_seconds
from daemon.upkeep import Upkeep
from daemon.watchdog import Watchdog
from daemon.watching import HOOKS_END_SECONDS, Watching
from daemon.worker import Worker


LOOK_SECONDS = 5.0
"""So often the main thread looks whether everything is alive, and writes down how far it is."""

STOP_TIMED_OUT, BROKEN = 75, 70

_CHANGED = 0
"""No signal has this number: the worker puts it among them."""


class Service:
    """One daemon, for a caller that holds its state directory's lock.

    Args:
        loaded: what is in force at first.
        log: where everything is logged.
        apply_log: makes the log what new settings say; raises BackupError where it can't.
        environment: of the process.
        clock: tells the time.
        signals: those that came since the process began, and those that come.
    """

    def __init__(
        self,
        loaded: Loaded,
        log: Reporter,
        apply_log: Callable[[Loaded], None],
        *,
        environment: Mapping[str, str],
        clock: Clock,
        signals: SimpleQueue[int],
    ) -> None:
        self._loaded = loaded
        self._apply_log = apply_log
        self._clock = clock
        self._started_at = clock.now()
        self._reloaded = Reloaded(self._started_at)
        self._state = state_directory(loaded.settings)
        self._signals = signals
        self._cancel = CancelToken()
        self._activity = Activity(clock)
        metrics = Metrics(loaded.settings, clock)
        self._reporter = Reporters(log, self._activity, metrics)
        self._status_file = StatusFile(self._state, self._reporter)
        self._notifier = Notifier(environment)
        self._watching = Watching(Upkeep(loaded, self._reporter, clock, self._cancel), metrics)
        self._scheduler = Scheduler(clock, self._reporter)
        runner = Runner(
            loaded=lambda: self._loaded,
            reporter=self._reporter,
            observer=self._watching.observer,
            activity=self._activity,
            clock=clock,
            cancel=self._cancel,
        )
        self._worker = Worker(
            scheduler=self._scheduler,
            runner=runner,
            reporter=self._reporter,
            clock=clock,
            cancel=self._cancel,
            changed=lambda: self._signals.put(_CHANGED),
        )
        self._watchdog = Watchdog(
            notifier=self._notifier,
            scheduler=self._scheduler,
            worker=self._worker,
            activity=self._activity,
            clock=clock,
            reporter=self._reporter,
        )
        interval_seconds = watchdog_seconds(environment)
        self._look_seconds = LOOK_SECONDS if interval_seconds is None else min(LOOK_SECONDS, interval_seconds / 2)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; the exit code."""
        self._start()
        number = self._serve()
        return self._stop(number)

    def problems(self) -> tuple[str, ...]:
        """Why it can't be called alive; nothing if it can."""
        problem = self._watchdog.problem(self._loaded.settings)
        return () if problem is None else (problem,)

    def _start(self) -> None:
        fields = {"pid": os.getpid(), "settings": str(self._loaded.path), "schedules": len(self._loaded.schedules)}
        self._reporter.event(SERVICE_STARTED, **fields)
        last_handled = self._watching.last_handled()
        self._scheduler.start(self._loaded.schedules, last_handled)
        self._begin_histories(last_handled, self._started_at)
        self._worker.start()
        self._watching.serve(self._loaded, self._scheduler.next_times, self.problems)
        self._write_status()
        self._notifier.ready(self._summary())

    def _serve(self) -> int:
        """Until there is a reason to end: the signal that is one, or _CHANGED if the worker has ended by itself."""
        while True:
            number = self._next_signal(self._look_seconds)
            if number in EXIT_CODES:
                return number
            if number == signal.SIGHUP:
                self._reload()
            if not self._worker.alive:
                return _CHANGED
            self._watchdog.ping(self._loaded.settings)
            self._write_status()
            self._notifier.status(self._summary())

    def _stop(self, number: int) -> int:
        """Let the step under way come to its next boundary, and clean up; a second signal, or the deadline, end it."""
        self._notifier.stopping()
        self._notifier.extend_timeout(self._loaded.settings.limits.stop_timeout_seconds + HOOKS_END_SECONDS)
        self._reporter.event(SERVICE_STOPPING, signal=signal.Signals(number).name if number else None)
        self._scheduler.pause()
        self._cancel.set(EXIT_CODES[signal.SIGTERM])
        self._scheduler.shutdown()
        deadline = self._clock.monotonic() + self._loaded.settings.limits.stop_timeout_seconds
        while self._worker.alive:
            left_seconds = deadline - self._clock.monotonic()
            if left_seconds <= 0:
                steps = [f"{step.step} {step.table or ''}".strip() for step in self._activity.steps()]
                self._reporter.warning(SERVICE_STOP_TIMED_OUT, steps=steps)
                os._exit(STOP_TIMED_OUT)
            again = self._next_signal(min(left_seconds, 1.0))
            if again in EXIT_CODES:
                os._exit(EXIT_CODES[signal.Signals(again)])
        self._watching.close()
        self._reporter.event(SERVICE_STOPPED)
        return 0 if number else BROKEN

    def _reload(self) -> None:
        """Load, check, swap as a whole; on any error what is in force stays so."""
        self._notifier.reloading()
        try:
            loaded = Loaded.load(self._loaded.path)
            self._refuse_other_state(loaded)
            with self._watching.moving(loaded):
                self._apply_log(loaded)
        except BackupError as error:
            self._reloaded = Reloaded(self._reloaded.loaded_at, str(error))
            self._reporter.failure(SETTINGS_RELOAD_FAILED, error)
        else:
            self._loaded = loaded
            self._reloaded = Reloaded(self._clock.now())
            self._scheduler.apply(loaded.schedules)
            self._begin_histories(self._watching.last_handled(), self._reloaded.loaded_at)
            self._watching.apply(loaded)
            self._reporter.event(SETTINGS_RELOADED, settings=str(loaded.path), schedules=len(loaded.schedules))
        self._write_status()
        self._notifier.ready(self._summary())

    def _refuse_other_state(self, loaded: Loaded) -> None:
        """Locks and journal of what runs are there."""
        if state_directory(loaded.settings) != self._state:
            raise SettingsError(
                "state.directory: another one takes a new start.", hint="Restart the daemon, or leave it as it was."
            )

    def _begin_histories(self, last_handled: Mapping[str, datetime], loaded_at: datetime) -> None:
        """A schedule that is new has missed nothing so far; from now on it has a history, so it can."""
        for schedule in self._loaded.schedules:
            if schedule.name not in last_handled:
                moment = schedule.trigger.last_until(loaded_at)
                self._watching.observer.schedule_handled(schedule.name, moment)

    def _next_signal(self, timeout_seconds: float) -> int | None:
        try:
            return self._signals.get(timeout=timeout_seconds)
        except Empty:
            return None

    def _write_status(self) -> None:
        status = {
            "pid": os.getpid(),
            "started_at": self._started_at.isoformat(),
            "settings": settings_status(self._loaded.path, self._reloaded),
            "schedules": schedules_status(self._scheduler.next_times(), self._watching.last_handled()),
            "running": running_status(self._activity),
            "waiting": [
                *(attempt_status(attempt) for attempt in self._worker.waiting),
                *(due_status(run) for run in due_runs(self._scheduler.untaken)),
            ],
            "problems": self.problems(),
        }
        self._status_file.write(status, self._clock.now())

    def _summary(self) -> str:
        """What `systemctl status` shows."""
        if (current := self._activity.current()) is not None:
            return f"Now: {current[0].run.what} {current[0].run.tag}"
        times = self._scheduler.next_times()
        if not times:
            return "No schedules"
        name = min(times, key=lambda name: times[name])
        return f"Next: {name} at {times[name]:%Y-%m-%d %H:%M:%S} UTC"
