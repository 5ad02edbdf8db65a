"""Everything that can be expected to go wrong, as one tree.

    BackupError                    1   every expected failure
    ├── SettingsError             78   settings.toml missing, unreadable or wrong; all its problems at once
    ├── ForeignRepositoryError    78   the repository belongs to another host
    ├── LockHeldError             11   another run has the table
    ├── RunCancelledError        130   Ctrl-C; 143 for SIGTERM
    ├── NotFoundError             10   no such table, backup or repository
    │   └── ObjectNotFoundError   10   no such object in a storage
    ├── NodeRefusedError          69   the node answers no: snapshot refused, a tag that isn't ours, DESCRIBE unusable
    ├── NodeUnavailableError      75   a port of the node is down or hangs (retryable)
    ├── PermissionDeniedError     77   user, secret, password, or a path
    ├── SourceError                1   files of the node: vanished, incomplete, wrong digest
    ├── StorageError              69   the repository says no
    │   ├── StorageFullError       1   no space left, or not enough from the start
    │   ├── IntegrityError         1   what is stored isn't what was stored
    │   ├── ObjectExistsError     69   an object that must not be there yet is there
    │   └── StorageUnavailableError  75   the store is down, or asks to come again (retryable)
    ├── IncompleteError            3   some tables are missing from what was done
    ├── ManifestError              1   a manifest that can't be read or doesn't fit its backup
    └── StepError                 70   a bug of ours: the only one that is printed with its traceback

Exit codes are the design's; `docs/` and the README list them for users.
"""

from collections.abc import Iterable
from typing import Any, ClassVar


class BackupError(Exception):
    """An expected failure: what happened and where, and what to do about it.

    Args:
        message: one line that names the thing.
        hint: the way out, one line; empty where the message says it all.
        context: fields for the log line; never a secret.
    """

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "", **context: Any) -> None:
        super().__init__(message)
        self.message = one_line(message)
        self.hint = one_line(hint)
        self.context = context

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        separator = "" if self.message.endswith((".", "?", "!", ":")) else "."
        return f"{self.message}{separator} {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions with keyword arguments don't pickle by themselves."""
        return _rebuild, (type(self), self.message, self.hint, self.context)


MOST_CHARACTERS = 4000
"""Of a message: what a node or a library says may have no end."""


def excerpt(text: str, most_characters: int = 500) -> str:
    """The beginning of what somebody else says, marked where it is cut."""
    return text if len(text) <= most_characters else f"{text[:most_characters]}..."


def one_line(text: str) -> str:
    """A text without line ends and control characters, and with an end: what it came from may have none."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return excerpt(" ".join(printable.split()), MOST_CHARACTERS)


def _rebuild(kind: type[BackupError], message: str, hint: str, context: dict[str, Any]) -> BackupError:
    return kind(message, hint=hint, **context)


class SettingsError(BackupError):
    """settings.toml is missing, unreadable or wrong. `problems` lists each with its key path."""

    exit_code = 78

    def __init__(self, message: str, *, hint: str = "", problems: tuple[str, ...] = (), **context: Any) -> None:
        super().__init__(message, hint=hint, problems=problems, **context)
        self.problems = problems


class ForeignRepositoryError(BackupError):
    """The repository's marker names another host, or another format."""

    exit_code = 78


class LockHeldError(BackupError):
    """Another process is backing up the same table."""

    exit_code = 11


class RunCancelledError(BackupError):
    """A signal stopped the run at a step's boundary. Not logged as an error."""

    exit_code = 130

    def __init__(self, message: str, *, hint: str = "", exit_code: int = 130, **context: Any) -> None:
        super().__init__(message, hint=hint, exit_code=exit_code, **context)
        self.exit_code = exit_code  # type: ignore[misc]  # 130 or 143, whichever signal it was


class NotFoundError(BackupError):
    """No such table, backup or repository; the message names what comes close."""

    exit_code = 10


class ObjectNotFoundError(NotFoundError):
    """A storage has no object of that key."""


class NodeRefusedError(BackupError):
    """The node answered, and its answer is no."""

    exit_code = 69


class NodeUnavailableError(BackupError):
    """A port of the node is down, hangs, or drops connections."""

    exit_code = 75
    retryable = True


class PermissionDeniedError(BackupError):
    """A wrong user, secret or password, or a path that this user may not read or write."""

    exit_code = 77


class SourceError(BackupError):
    """The snapshot's files on the node aren't what they should be."""


class StorageError(BackupError):
    """The repository can't take, give or find something."""

    exit_code = 69


class StorageFullError(StorageError):
    """There is no space left in the repository, or there would not be enough."""

    exit_code = 1


class IntegrityError(StorageError):
    """Stored bytes differ from what the manifest says was stored."""

    exit_code = 1


class ObjectExistsError(StorageError):
    """A storage has an object of that key already, and it was to be put only if there was none."""


class StorageUnavailableError(StorageError):
    """The store can't be reached, hangs, fails inside, or asks to slow down."""

    exit_code = 75
    retryable = True


class IncompleteError(BackupError):
    """Some tables succeeded and some didn't."""

    exit_code = 3


class ManifestError(BackupError):
    """A manifest of an unknown format version, unreadable, or with a hash that isn't its own."""


class StepError(BackupError):
    """Something that nobody expected broke in a step: a bug of ours. Carries the cause as `__cause__`."""

    exit_code = 70


def batch_exit_code(errors: Iterable[BaseException], *, some_succeeded: bool) -> int:
    """The exit code of many things done one after the other.

    Args:
        errors: what ended those that failed.
        some_succeeded: whether any did not fail.

    Returns:
        0 if nothing failed, 3 if some did, else the code that all failures share, else 1.
    """
    codes = {error.exit_code if isinstance(error, BackupError) else StepError.exit_code for error in errors}
    if not codes:
        return 0
    if some_succeeded:
        return IncompleteError.exit_code
    return codes.pop() if len(codes) == 1 else BackupError.exit_code
