"""What runs at this moment: for the status file, and for the watchdog, which wants each step to get on."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backup_core.clock import Clock
from backup_core.events import STEP_FINISHED, STEP_STARTED
from daemon.attempts import Attempt


@dataclass(slots=True)
class StepUnderWay:
    """A step that has begun.

    Attributes:
        moved_at: when anything was last heard of it, on the clock's monotonic time.
        done_bytes, total_bytes: of what it works on; None where it has told nothing.
    """

    step: str
    table: str | None
    repository: str | None
    moved_at: float
    done_bytes: int | None = None
    total_bytes: int | None = None


class Activity:
    """A `Reporter` that only remembers the present. A step's events come in its own thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._attempt: tuple[Attempt, datetime] | None = None
        self._steps: dict[int, StepUnderWay] = {}

    @contextmanager
    def of(self, attempt: Attempt) -> Iterator[None]:
        """For the block this attempt is under way."""
        self._attempt = attempt, self._clock.now()
        try:
            yield
        finally:
            self._attempt = None
            with self._lock:
                self._steps.clear()

    def current(self) -> tuple[Attempt, datetime] | None:
        """The attempt under way and when it began."""
        return self._attempt

    def steps(self) -> tuple[StepUnderWay, ...]:
        """The steps under way."""
        with self._lock:
            return tuple(self._steps.values())

    def event(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        if name == STEP_STARTED:
            begun = StepUnderWay(fields["step"], fields.get("table"), fields.get("repository"), self._clock.monotonic())
            with self._lock:
                self._steps[threading.get_ident()] = begun
        elif name == STEP_FINISHED:
            with self._lock:
                self._steps.pop(threading.get_ident(), None)
        else:
            self._move({})

    def warning(self, name: str, **fields: Any) -> None:  # noqa: ARG002  (that something moves is enough)
        """See `Reporter`."""
        self._move({})

    def failure(self, name: str, error: Exception, **fields: Any) -> None:  # noqa: ARG002
        """See `Reporter`."""
        self._move({})

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:  # noqa: ARG002
        """See `Reporter`."""
        self._move({"done_bytes": done_bytes, "total_bytes": total_bytes})

    def _move(self, changes: Mapping[str, int]) -> None:
        with self._lock:
            under_way = self._steps.get(threading.get_ident())
            if under_way is not None:
                under_way.moved_at = self._clock.monotonic()
                for key, value in changes.items():
                    setattr(under_way, key, value)
