"""Signs of life for systemd, as long as there is life: scheduler and worker, and no step that has come to a stop."""

from typing import Protocol

from backup_core.clock import Clock
from backup_core.events import WATCHDOG_WITHHELD, Reporter
from backup_core.node.load_answers import LOAD_TIMEOUT_SECONDS
from daemon.activity import Activity, StepUnderWay
from daemon.settings_file import Settings
from daemon.systemd import Notifier


STEP_DEADLINE_SECONDS = 600.0
"""For so long nothing may be heard of a step, on top of what the settings let the node take for its answers."""

ASKING_FOR_SNAPSHOTS = frozenset({"prepare", "snapshot", "clear"})
"""Steps that wait for the slowest of the node's answers; `prepare` clears what a crash has left."""


class Living(Protocol):
    """A thread of the service, or what stands for it."""

    @property
    def alive(self) -> bool:
        """Whether it can still do what it is for."""


class Watchdog:
    """Looks whether the service is alive, and tells systemd if it is.

    Args:
        notifier: tells systemd.
        reporter: hears, once, why nothing is told any more.
    """

    def __init__(
        self,
        *,
        notifier: Notifier,
        scheduler: Living,
        worker: Living,
        activity: Activity,
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        self._notifier = notifier
        self._scheduler = scheduler
        self._worker = worker
        self._activity = activity
        self._clock = clock
        self._reporter = reporter
        self._withheld: str | None = None

    def problem(self, settings: Settings) -> str | None:
        """Why the service can't be called alive; None if it can.

        Args:
            settings: those in force, for how long the node may take.
        """
        if not self._worker.alive:
            return "the worker has ended"
        if not self._scheduler.alive:
            return "the scheduler has come to a stop"
        now = self._clock.monotonic()
        for under_way in self._activity.steps():
            still_seconds = now - under_way.moved_at
            if still_seconds > _deadline_seconds(under_way, settings):
                of_table = f" of {under_way.table}" if under_way.table else ""
                return f"nothing was heard of step {under_way.step}{of_table} for {still_seconds:.0f} s"
        return None

    def ping(self, settings: Settings) -> None:
        """Tell systemd that the service is alive, if it is."""
        problem = self.problem(settings)
        if problem is None:
            self._notifier.watchdog()
        elif problem != self._withheld:
            self._reporter.warning(WATCHDOG_WITHHELD, reason=problem)
        self._withheld = problem


def _deadline_seconds(under_way: StepUnderWay, settings: Settings) -> float:
    """A snapshot may be asked for, be waited for when late, and then be cleared; loading is one request."""
    answers = 3 * settings.node.snapshot_timeout_seconds if under_way.step in ASKING_FOR_SNAPSHOTS else 0.0
    answers += LOAD_TIMEOUT_SECONDS if under_way.step == "load" else 0.0
    return STEP_DEADLINE_SECONDS + answers + 4 * settings.node.timeout_seconds
