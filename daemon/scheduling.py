"""The scheduler of the daemon: makes work items of schedules that come due, and puts them where a worker takes them.

It does no work itself, so nothing that takes long can make a schedule late.
"""

import queue
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from apscheduler.events import (
    EVENT_JOB_ADDED,
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    EVENT_JOB_MODIFIED,
    EVENT_JOB_REMOVED,
    EVENT_JOB_SUBMITTED,
    JobEvent,
)

from backup_core.clock import Clock
from backup_core.events import (
    CLOCK_SET_BACK,
    SCHEDULE_ADDED,
    SCHEDULE_CAUGHT_UP,
    SCHEDULE_CHANGED,
    SCHEDULE_DUE,
    SCHEDULE_FAILED,
    SCHEDULE_MISSED,
    SCHEDULE_REMOVED,
    SCHEDULE_SKIPPED,
    Reporter,
)
from daemon.catch_up import missed_while_down
from daemon.clocked_scheduler import LONGEST_WAIT_SECONDS, ClockedScheduler
from daemon.schedules import Schedule, WorkItem


STALLED_AFTER_SECONDS = 3 * LONGEST_WAIT_SECONDS

_LIFE = {EVENT_JOB_ADDED: SCHEDULE_ADDED, EVENT_JOB_MODIFIED: SCHEDULE_CHANGED, EVENT_JOB_REMOVED: SCHEDULE_REMOVED}
_OUTCOMES = EVENT_JOB_SUBMITTED | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR


class Scheduler:
    """Schedules in, work items out. Every method can be called from any thread.

    Args:
        clock: tells the time; a test steps it and calls `process_due`.
        reporter: hears of every schedule that is due, was missed or skipped, came, changed or went.
    """

    def __init__(self, clock: Clock, reporter: Reporter) -> None:
        self._clock = clock
        self._reporter = reporter
        self._queue: queue.Queue[tuple[WorkItem, ...]] = queue.Queue()
        self._jobs = ClockedScheduler(clock, self._queue.put, self._report_set_back)
        self._jobs.add_listener(self._report, _OUTCOMES | EVENT_JOB_ADDED | EVENT_JOB_MODIFIED | EVENT_JOB_REMOVED)

    def start(self, schedules: Iterable[Schedule], last_handled: Mapping[str, datetime]) -> None:
        """Catch up on what was missed, and go on from now.

        Args:
            schedules: those in force.
            last_handled: the newest nominal time of each schedule, by name, that was handled before.
        """
        schedules, now = tuple(schedules), self._clock.now()
        self._catch_up(missed_while_down(schedules, last_handled, now))
        for schedule in schedules:
            self._jobs.add_schedule(schedule, schedule.trigger.next_after(now))
        self._jobs.start()

    def apply(self, schedules: Iterable[Schedule]) -> None:
        """Have these schedules from now on.

        Those that are gone stop, those that fire otherwise move, and those that fire as before keep their next time.
        What was due before is still done, as it was meant then.
        """
        self.process_due()
        now, wanted = self._clock.now(), {schedule.name: schedule for schedule in schedules}
        present: dict[str, Schedule] = {job.id: job.kwargs["schedule"] for job in self._jobs.get_jobs()}
        for name in present.keys() - wanted.keys():
            self._jobs.remove_job(name)
        for name, schedule in wanted.items():
            if name not in present:
                self._jobs.add_schedule(schedule, schedule.trigger.next_after(now))
            elif present[name].trigger != schedule.trigger:
                next_at = schedule.trigger.next_after(now)
                kwargs = {"schedule": schedule}
                self._jobs.modify_job(name, kwargs=kwargs, trigger=schedule.trigger, next_run_time=next_at)
            elif present[name] != schedule:
                self._jobs.modify_job(name, kwargs={"schedule": schedule})

    def take(self, timeout_seconds: float) -> tuple[WorkItem, ...]:
        """Everything that waits to be done, the oldest first.

        Args:
            timeout_seconds: how long to wait for something.

        Returns:
            The items; none after the timeout, or when `shutdown` has ended the waiting.
        """
        items: list[WorkItem] = []
        try:
            items += self._queue.get(timeout=timeout_seconds)
            while True:
                items += self._queue.get_nowait()
        except queue.Empty:
            self._jobs.executor.taken(items)
            return tuple(sorted(items, key=lambda item: item.nominal_at))

    @property
    def untaken(self) -> tuple[WorkItem, ...]:
        """What has come due, and waits until somebody takes it."""
        with self._queue.mutex:
            return tuple(item for items in self._queue.queue for item in items)

    def next_times(self) -> dict[str, datetime]:
        """When each schedule fires next, by name, in UTC."""
        return {job.id: job.next_run_time for job in self._jobs.get_jobs()}

    def process_due(self) -> None:
        """Make work items of what is due now, as the thread does by itself."""
        self._jobs.process_due()

    @property
    def alive(self) -> bool:
        """Whether its thread is there and has lately looked for what is due."""
        return self._jobs.alive and self._clock.monotonic() - self._jobs.passed_at < STALLED_AFTER_SECONDS

    def pause(self) -> None:
        """Let nothing more come due. What waits can still be taken."""
        self._jobs.pause()

    def shutdown(self) -> None:
        """End the thread, and `take` wherever it waits. It waits for nobody's work, so it can't hang."""
        if self._jobs.running:
            self._jobs.shutdown(wait=False)
        self._queue.put(())

    def _catch_up(self, missed: Iterable[WorkItem]) -> None:
        now = self._clock.now()
        items = tuple(item for item in missed if item.schedule.catch_up)
        if items:
            self._queue.put(items)
        for item in missed:
            fields = {"schedule": item.schedule.name, "nominal_at": item.nominal_at}
            if item.schedule.catch_up:
                late_seconds = (now - item.nominal_at).total_seconds()
                self._reporter.event(SCHEDULE_CAUGHT_UP, **fields, late_seconds=late_seconds)
            else:
                self._reporter.warning(SCHEDULE_MISSED, **fields, replaced_by=None)

    def _report(self, event: JobEvent) -> None:
        """Tell what APScheduler says of a job: of its life, or of what came of it when it was due."""
        name = event.job_id
        if event.code in _LIFE:
            self._reporter.event(_LIFE[event.code], schedule=name, next_at=self.next_times().get(name))
        elif event.code == EVENT_JOB_SUBMITTED:
            self._reporter.event(SCHEDULE_DUE, schedule=name, nominal_at=event.scheduled_run_times[0])
        elif event.code == EVENT_JOB_MISSED:
            first, replaced_by = event.scheduled_run_times
            self._reporter.warning(SCHEDULE_MISSED, schedule=name, nominal_at=first, replaced_by=replaced_by)
        elif event.code == EVENT_JOB_MAX_INSTANCES:
            self._reporter.warning(SCHEDULE_SKIPPED, schedule=name, nominal_at=event.scheduled_run_times[0])
        else:
            self._reporter.failure(SCHEDULE_FAILED, event.exception, schedule=name)

    def _report_set_back(self, by: timedelta) -> None:
        self._reporter.warning(CLOCK_SET_BACK, set_back_seconds=by.total_seconds())
