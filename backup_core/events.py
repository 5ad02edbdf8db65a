"""Names of what happens, and the protocol through which the core tells it.

The core decides nothing by it: a reporter only observes. Logs, progress bars and metrics hang there.
Names are constants, lowercase, dotted, past tense.
"""

from typing import Any, Protocol


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
BACKUP_PUBLISHED = "backup.published"
DEBRIS_REMOVED = "debris.removed"
LEGACY_ADOPTED = "legacy.adopted"
BACKUP_DAMAGED = "backup.damaged"


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
