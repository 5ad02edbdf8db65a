"""Metrics of the schedules: their runs, what was missed, what is under way."""

import math
from collections.abc import Iterable
from datetime import datetime

from backup_core.clock import Clock
from backup_core.events import SCHEDULE_FAILED, SCHEDULE_MISSED, SCHEDULE_SKIPPED
from daemon.history_records import Outcome, PastRun, RunRecord
from daemon.metric_families import Families


RUN_BUCKETS_SECONDS = (1, 5, 15, 60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 16 * 3600, math.inf)

MISSED_REASONS = {SCHEDULE_MISSED: "missed", SCHEDULE_SKIPPED: "skipped", SCHEDULE_FAILED: "failed"}
"""Events by which a schedule's time went by without its run, and the label value of each."""


class ScheduleMetrics:
    """The label is `schedule`, not `job`: Prometheus has a label of that name for what it scrapes.

    A run that several schedules have asked for counts for each of them.

    Args:
        families: makes them.
        clock: dates runs.
    """

    def __init__(self, families: Families, clock: Clock) -> None:
        self._clock = clock
        self._names: frozenset[str] = frozenset()
        self._under_way: dict[str, tuple[RunRecord, float]] = {}
        label = "schedule"
        self._last_run = families.gauge(
            "last_run_timestamp_seconds", "When a run last ended, whatever came of it; 0: never", label
        )
        self._last_success = families.gauge(
            "last_success_timestamp_seconds",
            "When a run in which all succeeded last ended; 0: never",
            label,
        )
        self._succeeded = families.gauge(
            "last_run_success", "1 if all of the last run succeeded, else 0; NaN: no run yet", label
        )
        self._last_duration = families.gauge(
            "last_run_duration_seconds", "How long the last run took; NaN: no run yet", label
        )
        self._duration = families.histogram(
            "run_duration_seconds", "How long runs took", label, buckets=RUN_BUCKETS_SECONDS
        )
        self._runs = families.counter("runs", "Runs that have ended", label, "outcome")
        self._missed = families.counter(
            "schedule_missed", "Times that went by without a run, or with a later one only", label, "reason"
        )
        self._in_progress = families.gauge("run_in_progress", "How many runs are under way")

    def in_force(self, names: Iterable[str]) -> None:
        """Have a series for each of these schedules, with what it had before, and none for others."""
        names = frozenset(names)
        for name in self._names - names:
            for family in (
                self._last_run,
                self._last_success,
                self._succeeded,
                self._last_duration,
                self._duration,
                self._runs,
                self._missed,
            ):
                family.remove_by_labels({"schedule": name})
        for name in names - self._names:
            self._initialise(name)
        self._names = names

    def recall(self, past: Iterable[PastRun]) -> None:
        """Take over the newest run of each schedule, of before this process."""
        for run in past:
            if run.outcome is not None and run.finished_at is not None:
                took_seconds = (run.finished_at - run.run.started_at).total_seconds()
                self._last(run.run, run.outcome, run.finished_at, took_seconds)
            elif run.outcome is Outcome.INTERRUPTED:
                # Nobody knows when the process died, only that the run didn't succeed.
                for name in self._names.intersection(run.run.schedules):
                    self._succeeded.labels(name).set(0)

    def run_started(self, run: RunRecord) -> None:
        """A run begins."""
        self._under_way[run.run_id] = run, self._clock.monotonic()
        self._in_progress.set(len(self._under_way))

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime) -> None:
        """A run has ended, of whose beginning this was told."""
        run, started = self._under_way.pop(run_id)
        self._in_progress.set(len(self._under_way))
        took_seconds = self._clock.monotonic() - started
        self._last(run, outcome, finished_at, took_seconds)
        for name in self._names.intersection(run.schedules):
            self._duration.labels(name).observe(took_seconds)
            self._runs.labels(name, outcome).inc()

    def missed(self, event: str, schedule: str) -> None:
        """A schedule's time went by, as one of `MISSED_REASONS` tells."""
        if schedule in self._names:
            self._missed.labels(schedule, MISSED_REASONS[event]).inc()

    def _initialise(self, name: str) -> None:
        """Series that come into being with their first event are missed by `increase` and `absent`."""
        self._last_run.labels(name).set(0)
        self._last_success.labels(name).set(0)
        self._succeeded.labels(name).set(math.nan)
        self._last_duration.labels(name).set(math.nan)
        self._duration.labels(name)
        for outcome in Outcome:
            self._runs.labels(name, outcome)
        for reason in MISSED_REASONS.values():
            self._missed.labels(name, reason)

    def _last(self, run: RunRecord, outcome: Outcome, finished_at: datetime, took_seconds: float) -> None:
        for name in self._names.intersection(run.schedules):
            self._last_run.labels(name).set(finished_at.timestamp())
            self._last_duration.labels(name).set(took_seconds)
            self._succeeded.labels(name).set(outcome is Outcome.SUCCEEDED)
            if outcome is Outcome.SUCCEEDED:
                self._last_success.labels(name).set(finished_at.timestamp())
