"""The error tree: documented, with known exit codes, picklable, in one line."""

import pickle
from pathlib import Path

import pytest

from backup_core import errors
from backup_core.errors import BackupError, NotFoundError, StepError, batch_exit_code
from backup_core.node import snapshot_answers


DOCUMENTED_CODES = {1, 2, 3, 10, 11, 69, 70, 75, 77, 78, 130, 143}


def classes(base: type[BackupError] = BackupError) -> list[type[BackupError]]:
    """A class of the tree and all below it."""
    return [base, *(found for child in base.__subclasses__() for found in classes(child))]


@pytest.mark.parametrize("kind", classes())
def test_every_error_is_documented_and_travels(kind: type[BackupError]) -> None:
    """Each class says when it is raised, has a documented exit code, and survives pickling with all that it holds."""
    assert kind.__doc__
    assert kind.exit_code in DOCUMENTED_CODES
    error = kind("Something\nbroke", hint="Mend it.", table="users")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
    assert str(again) == str(error) == "Something broke. Mend it."
    assert again.context["table"] == "users"
    assert again.exit_code == error.exit_code


def test_the_drawing_shows_every_class() -> None:
    """The tree that the module's docstring draws is the tree that there is."""
    drawn = errors.__doc__ or ""
    for kind in classes():
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in drawn
    assert snapshot_answers.NoAnswerError.exit_code == errors.NodeUnavailableError.exit_code


def test_the_readme_lists_every_exit_code() -> None:
    """A user finds each exit code in the README."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for code in DOCUMENTED_CODES - {143}:
        assert f"| {code}" in readme


@pytest.mark.parametrize(
    ("found", "some_succeeded", "code"),
    [
        ([], True, 0),
        ([NotFoundError("a")], True, 3),
        ([NotFoundError("a"), NotFoundError("b")], False, 10),
        ([NotFoundError("a"), StepError("b")], False, 1),
        ([ValueError("a")], False, 70),
    ],
)
def test_a_batch_ends_with_the_code_of_its_failures(found: list[Exception], code: int, *, some_succeeded: bool) -> None:
    """3 if some succeeded, else the code that all failures share, else 1."""
    assert batch_exit_code(found, some_succeeded=some_succeeded) == code
