"""What a check has found."""

from dataclasses import dataclass
from enum import StrEnum

from backup_core.errors import BackupError


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`.

    Attributes:
        what: what was looked at, in a word or two.
        text: what was found.
        hint: what to do about it; empty where nothing is to be done.
        error: what a backup would end in; None but for failures.
    """

    state: State
    what: str
    text: str
    hint: str = ""
    error: BackupError | None = None


def ok(what: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(State.OK, what, text)


def warning(what: str, text: str, hint: str) -> Finding:
    """Somebody should look at it; a backup would run."""
    return Finding(State.WARNING, what, text, hint)


def failure(what: str, error: BackupError) -> Finding:
    """A backup would end in this."""
    return Finding(State.FAILURE, what, error.message, error.hint, error)


def not_looked_at(what: str, reason: BackupError) -> Finding:
    """Nothing is known, because of a failure that has a line of its own."""
    return warning(what, f"not looked at: {reason.message}", "It is once that is mended.")
