"""Names of what happens, and the protocol through which the core tells it.

The core decides nothing by it: a reporter only observes. Logs, progress bars and metrics hang there.
Names are constants, lowercase, dotted, past tense.
"""

from typing import Any, Protocol


RUN_FAILED = "run.failed"
RUN_STARTED = "run.started"
RUN_FINISHED = "run.finished"
RUN_SERIALIZED = "run.serialized"
TABLE_STARTED = "table.started"
TABLE_FINISHED = "table.finished"
TABLE_FAILED = "table.failed"
TABLE_IDENTIFIED = "table.identified"
SCHEMA_EXTRACTED = "schema.extracted"
SNAPSHOT_REQUESTED = "snapshot.requested"
SNAPSHOT_TAKEN = "snapshot.taken"
SNAPSHOT_VERIFIED = "snapshot.verified"
SNAPSHOT_CLEARED = "snapshot.cleared"
SNAPSHOT_CLEAR_FAILED = "snapshot.clear_failed"
SNAPSHOT_LATE = "snapshot.late"
JOURNAL_ENTRY_BROKEN = "journal.entry_broken"
SCHEMA_FILE_WRITTEN = "schema.file_written"
ARCHIVE_STARTED = "archive.started"
ARCHIVE_WRITTEN = "archive.written"
CATALOGUE_REBUILT = "catalogue.rebuilt"
OBJECTS_PLANNED = "objects.planned"
OBJECT_STORED = "object.stored"
BACKUP_PUBLISHED = "backup.published"
DEBRIS_REMOVED = "debris.removed"
STORAGE_RETRIED = "storage.retried"
LEGACY_ADOPTED = "legacy.adopted"
BACKUP_VERIFIED = "backup.verified"
VERIFY_FAILED = "verify.failed"
BACKUP_REMOVED = "backup.removed"
BACKUP_COPIED = "backup.copied"
COPY_STARTED = "copy.started"
COPY_LEFT_OUT = "copy.left_out"
COPY_FAILED = "copy.failed"
COPY_SPOOL_REMOVED = "copy.spool_removed"
BACKUP_HELD = "backup.held"
BACKUP_RELEASED = "backup.released"
OBJECTS_REMOVED = "objects.removed"
BACKUPS_VANISHED = "backups.vanished"
SWEEP_POSTPONED = "sweep.postponed"
PRUNE_FAILED = "prune.failed"
BACKUP_COALESCED = "backup.coalesced"
SCHEDULE_ADDED = "schedule.added"
SCHEDULE_CHANGED = "schedule.changed"
SCHEDULE_REMOVED = "schedule.removed"
SCHEDULE_DUE = "schedule.due"
SCHEDULE_CAUGHT_UP = "schedule.caught_up"
SCHEDULE_MISSED = "schedule.missed"
SCHEDULE_SKIPPED = "schedule.skipped"
SCHEDULE_UNMATCHED = "schedule.unmatched"
SCHEDULE_FAILED = "schedule.failed"
CLOCK_SET_BACK = "clock.set_back"
STEP_STARTED = "step.started"
STEP_FINISHED = "step.finished"
TABLE_DELAYED = "table.delayed"
TABLE_RETRIED = "table.retried"
TABLE_SKIPPED = "table.skipped"
RUN_RETRIED = "run.retried"
RUN_CANCELLED = "run.cancelled"
BACKUP_DAMAGED = "backup.damaged"
CLEANUP_POSTPONED = "cleanup.postponed"
CLEANUP_FAILED = "cleanup.failed"
SERVICE_STARTED = "service.started"
SERVICE_STOPPING = "service.stopping"
SERVICE_STOPPED = "service.stopped"
SERVICE_STOP_TIMED_OUT = "service.stop_timed_out"
SERVICE_FAILED = "service.failed"
SETTINGS_RELOADED = "settings.reloaded"
SETTINGS_RELOAD_FAILED = "settings.reload_failed"
WATCHDOG_WITHHELD = "watchdog.withheld"
STATUS_FAILED = "status.failed"
LIBRARY_LOGGED = "library.logged"
HISTORY_SET_ASIDE = "history.set_aside"
HISTORY_REBUILT = "history.rebuilt"
HISTORY_FAILED = "history.failed"
HOOK_FINISHED = "hook.finished"
HOOK_FAILED = "hook.failed"
HOOK_DROPPED = "hook.dropped"
METRICS_UNAVAILABLE = "metrics.unavailable"
RESTORE_STARTED = "restore.started"
RESTORE_RESUMED = "restore.resumed"
RESTORE_TABLE_CREATED = "restore.table_created"
RESTORE_TABLE_DELETED = "restore.table_deleted"
RESTORE_ITEMS_COUNTED = "restore.items_counted"
RESTORE_INDEX_FILLING = "restore.index_filling"
RESTORE_GRANT_LEFT = "restore.grant_left"
RESTORE_PROVEN = "restore.proven"
RESTORE_UNPROVEN = "restore.unproven"
RESTORE_UNRECORDED = "restore.unrecorded"
RESTORE_FINISHED = "restore.finished"
RESTORE_FAILED = "restore.failed"
RESTORE_STAGING_REMOVED = "restore.staging_removed"
RESTORE_CHECKED = "restore.checked"
RESTORE_STAGED = "restore.staged"
RESTORE_LOAD_WAITING = "restore.load_waiting"
RESTORE_BATCH_LOADED = "restore.batch_loaded"
RESTORE_BATCH_FAILED = "restore.batch_failed"
RESTORE_ITEMS_COPIED = "restore.items_copied"
RESTORE_COPY_RETRIED = "restore.copy_retried"
RESTORE_SCRATCH_DROPPED = "restore.scratch_dropped"
RESTORE_SCRATCH_LEFT = "restore.scratch_left"
RESTORE_FORGOTTEN = "restore.forgotten"
RESTORE_NOT_FORGOTTEN = "restore.not_forgotten"
DRILL_STARTED = "drill.started"
DRILL_PASSED = "drill.passed"
DRILL_FAILED = "drill.failed"
DRILL_SAMPLE_DIFFERS = "drill.sample_differs"
DRILL_REQUESTED = "drill.requested"


class Reporter(Protocol):
    """Hears what happens. Must be quick, and must not raise."""

    def event(self, name: str, **fields: Any) -> None:
        """Something has happened; `fields` are plain values, sizes and durations with their units in the names."""

    def warning(self, name: str, **fields: Any) -> None:
        """Something has happened that an operator should look at, and that ends nothing."""

    def failure(self, name: str, error: Exception, **fields: Any) -> None:
        """Something has ended in `error`: the one ERROR line for it."""

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """`done_bytes` of `total_bytes` of `what` are through; many calls a second are possible."""


class SilentReporter:
    """Hears everything and says nothing."""

    def event(self, name: str, **fields: Any) -> None:
        """Nothing."""

    def warning(self, name: str, **fields: Any) -> None:
        """Nothing."""

    def failure(self, name: str, error: Exception, **fields: Any) -> None:
        """Nothing."""

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """Nothing."""
