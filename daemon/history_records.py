"""What the history remembers, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from daemon.settings_schedules import What


class Outcome(StrEnum):
    """What came of a run, of a table in it, or of one repository's part of that."""

    SUCCEEDED = "succeeded"
    INCOMPLETE = "incomplete"
    """Some of it: some tables of a run, some repositories of a table."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    """A signal ended it in an orderly way."""
    INTERRUPTED = "interrupted"
    """The process died in it; nothing else is known."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run that begins.

    Attributes:
        run_id: tells it from every other run, of any time.
        schedules: names of those that asked for it; none for a run by hand.
        nominal_at: when it was to begin, however late it does.
    """

    run_id: str
    what: What
    tag: str
    schedules: tuple[str, ...]
    nominal_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class TableRecord:
    """What came of one table in a run.

    Attributes:
        repositories: what came of it in each repository, by name; empty where it never came so far.
        size_bytes: of what all repositories have stored.
        error: the line that was logged for it; empty where nothing went wrong.
    """

    run_id: str
    table: str
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    size_bytes: int = 0
    error: str = ""
    repositories: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as the history remembers it.

    Attributes:
        finished_at: None while it is under way; and of one that was interrupted.
        outcome: None while it is under way.
        error: why it ended before it came to its tables; empty otherwise.
        succeeded, failed: how many of its tables did.
    """

    run: RunRecord
    finished_at: datetime | None
    outcome: Outcome | None
    error: str
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class TableError:
    """The newest failure of a table in one kind of work.

    Attributes:
        started_at: when the table's turn in that run began.
        succeeded_at: when it last succeeded after that, as far as the history knows; None if it hasn't.
    """

    table: str
    what: What
    run_id: str
    tag: str
    outcome: Outcome
    started_at: datetime
    failed_at: datetime
    error: str
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True)
class TableVerified:
    """The newest verification of a table's backups.

    Attributes:
        verified_at: when it ended.
        error: the first that was found; empty where nothing was.
        good_at: when the last one ended that found nothing; None if none did, as far as the history knows.
    """

    table: str
    verified_at: datetime
    outcome: Outcome
    error: str
    good_at: datetime | None
