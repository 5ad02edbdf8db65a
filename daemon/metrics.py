"""Turns what happens into metrics for Prometheus, in a registry of their own.

Names are Prometheus's conventions: base units, times as Unix timestamps and never as ages, and every series that can
be known beforehand is there from the start.
"""

import math
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

from prometheus_client import CollectorRegistry, disable_created_metrics

from backup_core import events
from backup_core.clock import Clock
from daemon.history_records import Outcome, PastRun, RunRecord, TableRecord
from daemon.metric_families import Families
from daemon.schedule_metrics import MISSED_REASONS, ScheduleMetrics
from daemon.settings_file import Settings
from daemon.table_metrics import TableMetrics


DISTRIBUTION = "alternator-backup"

STEP_BUCKETS_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, math.inf)

STEPS = ("prepare", "table_id", "space", "schema", "snapshot", "verify", "store", "clear")
"""Those of the pipeline; others, as of verifying what is stored, have a series from their first time on."""

RETRIES = {events.RUN_RETRIED: "run", events.TABLE_RETRIED: "table"}

WARNINGS = (
    events.SNAPSHOT_CLEAR_FAILED,
    events.SNAPSHOT_LATE,
    events.JOURNAL_ENTRY_BROKEN,
    events.SCHEDULE_MISSED,
    events.SCHEDULE_SKIPPED,
    events.SCHEDULE_UNMATCHED,
    events.CLOCK_SET_BACK,
    events.HOOK_FAILED,
    events.HOOK_DROPPED,
    events.RUN_RETRIED,
    events.TABLE_RETRIED,
    events.CLEANUP_POSTPONED,
    events.BACKUPS_VANISHED,
    events.COPY_LEFT_OUT,
    events.STORAGE_RETRIED,
    events.RESTORE_BATCH_FAILED,
    events.RESTORE_COPY_RETRIED,
    events.RESTORE_GRANT_LEFT,
    events.RESTORE_SCRATCH_LEFT,
    events.RESTORE_NOT_FORGOTTEN,
    events.RESTORE_UNPROVEN,
    events.RESTORE_UNRECORDED,
    events.DRILL_SAMPLE_DIFFERS,
    events.HISTORY_FAILED,
    events.HISTORY_SET_ASIDE,
    events.STATUS_FAILED,
    events.WATCHDOG_WITHHELD,
    events.SERVICE_STOP_TIMED_OUT,
)
FAILURES = (
    events.RUN_FAILED,
    events.TABLE_FAILED,
    events.COPY_FAILED,
    events.PRUNE_FAILED,
    events.CLEANUP_FAILED,
    events.SCHEDULE_FAILED,
    events.BACKUP_DAMAGED,
    events.VERIFY_FAILED,
    events.DRILL_FAILED,
    events.SETTINGS_RELOAD_FAILED,
    events.SERVICE_FAILED,
    events.METRICS_UNAVAILABLE,
)
"""Counted from 0 on; one that isn't listed here is counted from its first time on."""


class Metrics:
    """A `Reporter` and a `RunObserver` that counts. Every method can be called from any thread.

    Attributes:
        registry: to be served; `LiveMetrics` is registered there as well.

    Args:
        settings: what is in force.
        clock: dates what happens.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client forgot to annotate it
        self.registry = CollectorRegistry()
        self._clock = clock
        self._backing_up: set[str] = set()
        families = Families(self.registry)
        self._schedules = ScheduleMetrics(families, clock)
        self._tables = TableMetrics(settings.metrics.max_tables)
        self.registry.register(self._tables)
        build = families.gauge("build_info", "1; the labels tell", "version", "python")
        build.labels(version(DISTRIBUTION), platform.python_version()).set(1)
        families.gauge("start_time_seconds", "When the daemon started").set(clock.now().timestamp())
        self._reloaded = families.gauge(
            "settings_last_reload_success", "1 if the settings could be loaded when last asked for, else 0"
        )
        self._reloaded_at = families.gauge(
            "settings_last_reload_success_timestamp_seconds", "When the settings in force were loaded"
        )
        self._warnings = families.counter("warnings", "Warnings, by the event in the log", "event")
        self._failures = families.counter("failures", "Errors, by the event in the log", "event")
        self._retries = families.counter("retries", "What was tried once more", "operation")
        self._backups = families.counter("table_backups", "Backups of single tables that have ended", "outcome")
        self._steps = families.histogram(
            "step_duration_seconds", "How long steps took", "step", buckets=STEP_BUCKETS_SECONDS
        )
        self._source = families.counter("source_bytes", "Size of snapshots that were backed up", "repository")
        self._stored = families.counter("stored_bytes", "Size of backups that were published", "repository")
        self._removed = families.counter("removed_backups", "Backups that retention has removed", "repository")
        self._removed_bytes = families.counter("removed_bytes", "Size of what retention has removed", "repository")
        self._initialise()
        self._settings_reloaded()
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """These settings are in force now: have a series for each schedule and each repository."""
        self._tables.limit(settings.metrics.max_tables)
        self._schedules.in_force(settings.schedule)
        for repository in settings.repository:
            for family in (self._source, self._stored, self._removed, self._removed_bytes):
                family.labels(repository)

    def recall(self, runs: Iterable[PastRun], last_success: Callable[[str], datetime | None]) -> None:
        """Take over what is remembered of before this process; to be called before tables are covered.

        Args:
            runs: the newest run of each schedule.
            last_success: tells when a table was last backed up; asked for each table when it is first covered.
        """
        self._schedules.recall(runs)
        self._tables.recall(last_success)

    def run_started(self, run: RunRecord, tables: Sequence[str]) -> None:  # noqa: ARG002  (tables have their own metrics)
        """See `RunObserver`."""
        self._schedules.run_started(run)
        if run.what == "backup":
            self._backing_up.add(run.run_id)

    def tables_covered(self, names: Iterable[str]) -> None:
        """See `RunObserver`; the series of other tables go, as of dropped ones."""
        self._tables.cover(names)

    def table_finished(self, table: TableRecord) -> None:
        """See `RunObserver`; what came of verifying a backup is no news of how old it is."""
        if table.run_id in self._backing_up:
            self._backups.labels(table.outcome).inc()
            self._tables.finished(table)

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime, error: str = "") -> None:  # noqa: ARG002  (a reason is no number)
        """See `RunObserver`."""
        self._schedules.run_finished(run_id, outcome, finished_at)
        self._backing_up.discard(run_id)

    def schedule_handled(self, schedule: str, nominal_at: datetime) -> None:
        """See `RunObserver`; that is the history's business."""

    def event(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        self._hear(name, fields)
        if name == events.BACKUP_PUBLISHED:
            self._count_stored(**fields)
        elif name == events.BACKUP_REMOVED:
            self._removed.labels(fields["repository"]).inc()
            self._removed_bytes.labels(fields["repository"]).inc(fields["size_bytes"])
        elif name == events.STEP_FINISHED:
            self._steps.labels(fields["step"]).observe(fields["duration_seconds"])
        elif name == events.SETTINGS_RELOADED:
            self._settings_reloaded()

    def warning(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        self._warnings.labels(name).inc()
        self._hear(name, fields)

    def failure(self, name: str, error: Exception, **fields: Any) -> None:  # noqa: ARG002  (what failed counts, not why)
        """See `Reporter`."""
        self._failures.labels(name).inc()
        self._hear(name, fields)
        if name == events.SETTINGS_RELOAD_FAILED:
            self._reloaded.set(0)

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """See `Reporter`; Prometheus looks far too seldom for it."""

    def _initialise(self) -> None:
        for name in WARNINGS:
            self._warnings.labels(name)
        for name in FAILURES:
            self._failures.labels(name)
        for outcome in (Outcome.SUCCEEDED, Outcome.INCOMPLETE, Outcome.FAILED):
            self._backups.labels(outcome)
        for operation in RETRIES.values():
            self._retries.labels(operation)
        for step in STEPS:
            self._steps.labels(step)

    def _hear(self, name: str, fields: Mapping[str, Any]) -> None:
        """What counts whatever its level is."""
        if name in MISSED_REASONS:
            self._schedules.missed(name, fields["schedule"])
        elif name in RETRIES:
            self._retries.labels(RETRIES[name]).inc()

    def _settings_reloaded(self) -> None:
        self._reloaded.set(1)
        self._reloaded_at.set(self._clock.now().timestamp())

    def _count_stored(
        self, *, table: str, repository: str, size_bytes: int, plain_size_bytes: int, **_others: object
    ) -> None:
        self._source.labels(repository).inc(plain_size_bytes)
        self._stored.labels(repository).inc(size_bytes)
        self._tables.stored(table, repository, source_bytes=plain_size_bytes, stored_bytes=size_bytes)
