"""A step of a run: told when it begins and ends, and what nobody expected in it says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.errors import BackupError, StepError
from backup_core.events import STEP_FINISHED, STEP_STARTED, Reporter


class Observed(Protocol):
    """Whoever does something step by step, such as a `Context`."""

    @property
    def clock(self) -> Clock:
        """Measures the step."""

    @property
    def reporter(self) -> Reporter:
        """Hears of it."""


class Interruptible(Observed, Protocol):
    """Whoever does so until a signal comes."""

    @property
    def cancel(self) -> CancelToken:
        """Set by a signal; looked at between two pieces of work."""


@contextmanager
def step(context: Observed, name: str, **fields: Any) -> Iterator[None]:
    """Tell of a step; an error that ends it carries its name in its context.

    Args:
        context: whose reporter hears of it.
        name: as the documents call it.
        fields: what it works on, such as the table.

    Raises:
        BackupError: whatever ends the block.
        StepError: the same for what nobody expected, which is a bug of ours.
    """
    started = context.clock.monotonic()
    context.reporter.event(STEP_STARTED, step=name, **fields)
    try:
        yield
    except BackupError as error:
        error.context.setdefault("step", name)
        raise
    except Exception as error:
        raise StepError(f"Step {name} broke: {type(error).__name__}: {error}", step=name) from error
    finally:
        duration_seconds = round(context.clock.monotonic() - started, 3)
        context.reporter.event(STEP_FINISHED, step=name, **fields, duration_seconds=duration_seconds)
