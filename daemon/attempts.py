"""Attempts at a run: what is to be done, and whether there is time to do it again if it fails."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self
from uuid import uuid4

from backup_core.errors import LockHeldError
from daemon.coalescing import DueRun, DueTable
from daemon.schedules import Schedule


FIRST_DELAY_SECONDS = 2
LONGEST_DELAY_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a run.

    Attributes:
        run: what is due, as far as it isn't done.
        run_id: of the run; the same in all of its attempts.
        schedules: names of all that asked for the run in the beginning.
        started_at: when the first attempt began.
        number: 1 for the first.
        not_before: when it may begin, on the clock's monotonic time.
        tables: those that it is about; None while nobody has asked which there are.
        succeeded, failed: how many tables of the run are done with.
        error: why some of the run never came to its tables.
    """

    run: DueRun
    run_id: str
    schedules: tuple[str, ...]
    started_at: datetime
    not_before: float = 0.0
    number: int = 1
    tables: tuple[DueTable, ...] | None = None
    succeeded: int = 0
    failed: int = 0
    error: str = ""

    @classmethod
    def first(cls, run: DueRun, now: datetime) -> Self:
        """The first attempt at a run that has come due."""
        names = tuple(schedule.name for schedule in run.schedules)
        return cls(run, uuid4().hex, names, started_at=now)

    @property
    def delay(self) -> timedelta:
        """How long to wait before the next one: twice as long each time, up to a limit."""
        return backoff(self.number)

    def in_time(self, schedule: Schedule, now: datetime) -> bool:
        """Whether another attempt would begin before the schedule fires again, which does the same anew."""
        return now + self.delay < schedule.trigger.next_after(self.run.nominal_at)

    def table_in_time(self, table: str, now: datetime) -> bool:
        """The same for one table: before any of the schedules that ask for it fires again."""
        askers = {name for due in self.tables or () if due.name == table for name in due.schedules}
        return all(self.in_time(schedule, now) for schedule in self.run.schedules if schedule.name in askers)

    def again(self, monotonic: float, *, schedules: tuple[Schedule, ...], tables: tuple[DueTable, ...] | None) -> Self:
        """The next attempt: for these schedules, at these tables."""
        return replace(
            self,
            run=replace(self.run, schedules=schedules),
            number=self.number + 1,
            not_before=monotonic + self.delay.total_seconds(),
            tables=tables,
        )


def backoff(number: int) -> timedelta:
    """How long to wait after so many attempts have failed."""
    return timedelta(seconds=min(FIRST_DELAY_SECONDS * 2 ** min(number - 1, 30), LONGEST_DELAY_SECONDS))


def is_passing(error: Exception) -> bool:
    """Whether a later attempt may well succeed: the node is down, or somebody else is at that table."""
    return getattr(error, "retryable", False) or isinstance(error, LockHeldError)
