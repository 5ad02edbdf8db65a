"""APScheduler 3 as this daemon needs it: told the time by a clock, and handing work on instead of doing it.

As it comes, it reads the machine's own clock, trusts it for ever, and drops without a word what was due more than once.
So its pass over the jobs is replaced here; jobs, job store, executor, events and thread are its own.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOB_SUBMITTED,
    JobEvent,
    JobExecutionEvent,
    JobSubmissionEvent,
)
from apscheduler.executors.base import BaseExecutor, MaxInstancesReachedError
from apscheduler.job import Job
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_RUNNING

from backup_core.clock import Clock
from daemon.schedules import Schedule, WorkItem


LONGEST_WAIT_SECONDS = 30.0
"""After so long it notices that the clock was set, or that the machine was suspended."""

SET_BACK = timedelta(hours=1)
"""A clock that is set back by less meets its next fire times as they were, and none comes twice."""

_DEFAULT = "default"


class WorkExecutor(BaseExecutor):  # type: ignore[misc]  # APScheduler publishes no types
    """Collects the work of the jobs that are due.

    For APScheduler a job runs until its work has been taken: a schedule that comes due again before is refused by
    `max_instances`, and what waits can't pile up.
    """

    def __init__(self) -> None:
        super().__init__()
        self._due: list[WorkItem] = []
        self._waiting: set[WorkItem] = set()
        self._work_lock = threading.Lock()

    def _do_submit_job(self, job: Job, run_times: Sequence[datetime]) -> None:
        with self._work_lock:
            self._due += [WorkItem(job.kwargs["schedule"], run_time) for run_time in run_times]

    def due(self) -> tuple[WorkItem, ...]:
        """What has become due since the last call."""
        with self._work_lock:
            items = tuple(self._due)
            self._due.clear()
            self._waiting.update(items)
        return items

    def taken(self, items: Iterable[WorkItem]) -> None:
        """These no longer wait. Those that never came from here are left alone."""
        with self._work_lock:
            waited = self._waiting.intersection(items)
            self._waiting -= waited
        for item in waited:
            self._run_job_success(item.schedule.name, ())


class ClockedScheduler(BackgroundScheduler):  # type: ignore[misc]  # as above
    """A background scheduler whose jobs are schedules.

    Args:
        clock: tells the time.
        hand_on: is given what comes due; all that comes due together at once, so that none of it is begun alone.
        set_back: is told by how much the clock was set back.

    Attributes:
        passed_at: when it last looked for due jobs, on the clock's monotonic time.
    """

    def __init__(
        self, clock: Clock, hand_on: Callable[[tuple[WorkItem, ...]], None], set_back: Callable[[timedelta], None]
    ) -> None:
        self._clock = clock
        self._hand_on = hand_on
        self._set_back = set_back
        self._store = MemoryJobStore()
        self.executor = WorkExecutor()
        self._pass_lock = threading.Lock()
        self._latest = clock.now()
        self.passed_at = clock.monotonic()
        super().__init__(
            timezone=UTC,
            jobstores={_DEFAULT: self._store},
            executors={_DEFAULT: self.executor},
            # However late: a run that is late is worth more than none.
            job_defaults={"misfire_grace_time": None, "max_instances": 1},
        )

    @property
    def alive(self) -> bool:
        """Whether its thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def add_schedule(self, schedule: Schedule, next_run_time: datetime) -> None:
        """Make a job of a schedule, under its name."""
        self.add_job(
            _handed_on,
            schedule.trigger,
            kwargs={"schedule": schedule},
            id=schedule.name,
            name=schedule.name,
            next_run_time=next_run_time,
        )

    def process_due(self) -> float:
        """Hand on what is due now, as the thread does by itself; returns after how many seconds to look again."""
        with self._pass_lock:
            self.passed_at = self._clock.monotonic()
            if self.state != STATE_RUNNING:
                return LONGEST_WAIT_SECONDS
            now = self._clock.now()
            with self._jobstores_lock:
                self._follow_clock(now)
                events = [event for job in self._store.get_due_jobs(now) for event in self._fire(job, now)]
                if items := self.executor.due():
                    self._hand_on(items)
                next_run_time = self._store.get_next_run_time()
            for event in events:
                self._dispatch_event(event)
        if next_run_time is None:
            return LONGEST_WAIT_SECONDS
        wait_seconds: float = (next_run_time - now).total_seconds()
        return min(max(wait_seconds, 0.0), LONGEST_WAIT_SECONDS)

    def _process_jobs(self) -> float:
        """What APScheduler's thread calls."""
        return self.process_due()

    def _fire(self, job: Job, now: datetime) -> Iterator[JobEvent]:
        """Submit a job that is due, once however often it was, and move it to its next time."""
        first = job.next_run_time
        try:
            nominal_at = job.trigger.last_until(now)
            job_next = job.trigger.next_after(now)
        except Exception as error:  # noqa: BLE001  (a bug in one trigger must not stop the other schedules)
            self._store.remove_job(job.id)
            yield JobExecutionEvent(EVENT_JOB_ERROR, job.id, _DEFAULT, first, exception=error)
            return
        job._modify(next_run_time=job_next)  # noqa: SLF001  (as APScheduler's own pass does: without an event)
        self._store.update_job(job)
        if nominal_at > first:
            yield JobSubmissionEvent(EVENT_JOB_MISSED, job.id, _DEFAULT, [first, nominal_at])
        code = EVENT_JOB_SUBMITTED
        try:
            self.executor.submit_job(job, [nominal_at])
        except MaxInstancesReachedError:
            code = EVENT_JOB_MAX_INSTANCES
        yield JobSubmissionEvent(code, job.id, _DEFAULT, [nominal_at])

    def _follow_clock(self, now: datetime) -> None:
        """Where the clock was wrong and has been set back, jobs would wait until it is that late again."""
        if self._latest - now <= SET_BACK:
            self._latest = max(self._latest, now)
            return
        self._set_back(self._latest - now)
        self._latest = now
        for job in self.get_jobs():
            self.modify_job(job.id, next_run_time=job.trigger.next_after(now))


def _handed_on(schedule: Schedule) -> NoReturn:
    """What APScheduler takes for the job; `WorkExecutor` hands the schedule on and never calls it."""
    raise NotImplementedError(schedule.name)
