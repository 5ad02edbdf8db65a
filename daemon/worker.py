"""The thread that does what is due: first it clears up after a crash, then one attempt after the other.

Where the node went down before a run could clear its snapshots, they are cleared as soon as it is back, not by the
next run, which may be a week away.
"""

import threading
from collections.abc import Callable

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.errors import BackupError, RunCancelledError, StepError
from backup_core.events import CLEANUP_FAILED, CLEANUP_POSTPONED, SERVICE_FAILED, Reporter
from daemon.attempts import Attempt, backoff
from daemon.coalescing import due_runs
from daemon.runs import Runner
from daemon.scheduling import Scheduler


PATIENCE_SECONDS = 60.0


class Worker:
    """What waits for its next attempt doesn't hold up what comes due meanwhile.

    Args:
        scheduler: says what is due.
        runner: does it.
        reporter: hears of what this thread ends of.
        clock: says when the waiting is over.
        cancel: ends it.
        changed: is called when an attempt begins or ends, and at the thread's end.
    """

    def __init__(
        self,
        *,
        scheduler: Scheduler,
        runner: Runner,
        reporter: Reporter,
        clock: Clock,
        cancel: CancelToken,
        changed: Callable[[], None],
    ) -> None:
        self._scheduler = scheduler
        self._runner = runner
        self._reporter = reporter
        self._clock = clock
        self._cancel = cancel
        self._changed = changed
        self._waiting: list[Attempt] = []
        self._cleared_up = False
        self._tidyings = 0
        self._tidy_at: float | None = 0.0
        self._tidying_broke = False
        # A step that hangs past every deadline must not hang the interpreter's end.
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether it can still do anything."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> tuple[Attempt, ...]:
        """What waits for its turn, the oldest first."""
        return tuple(sorted(self._waiting, key=lambda attempt: attempt.run.nominal_at))

    def start(self) -> None:
        """Begin; once only."""
        self._thread.start()

    def _work(self) -> None:
        try:
            while not self._cancel.is_set():
                self._tidy()
                self._waiting = [*self._waiting, *self._due()]
                self._attempt_next()
        except RunCancelledError:
            pass
        except Exception as error:  # noqa: BLE001  (the last one that can tell of it)
            broken = StepError(f"The worker broke: {type(error).__name__}: {error}", step="worker")
            broken.__cause__ = error
            self._reporter.failure(SERVICE_FAILED, broken)
        finally:
            self._changed()

    def _due(self) -> list[Attempt]:
        runs = due_runs(self._scheduler.take(self._wait_seconds()))
        return [Attempt.first(run, self._clock.now()) for run in runs]

    def _wait_seconds(self) -> float:
        times = [attempt.not_before for attempt in self._waiting]
        if self._tidy_at is not None:
            times.append(self._tidy_at)
        return min(max(min(times) - self._clock.monotonic(), 0.0), PATIENCE_SECONDS) if times else PATIENCE_SECONDS

    def _attempt_next(self) -> None:
        now = self._clock.monotonic()
        attempt = next((attempt for attempt in self.waiting if attempt.not_before <= now), None)
        if attempt is None:
            return
        self._waiting = [other for other in self._waiting if other is not attempt]
        self._changed()
        again = self._runner.attempt(attempt)
        if again is not None:
            self._waiting = [*self._waiting, again]
        if self._tidy_at is None:
            self._tidy_at = self._clock.monotonic() + backoff(1).total_seconds()
        self._changed()

    def _tidy(self) -> None:
        """Clear up after a crash, and later what runs could not clear; where the node is down, again later."""
        if self._tidy_at is None or self._tidy_at > self._clock.monotonic():
            return
        try:
            if self._cleared_up:
                self._runner.upkeep().clear_snapshots()
            else:
                self._runner.upkeep().clear_up()
                self._runner.cover()
            self._cleared_up, self._tidyings, self._tidy_at = True, 0, None
            self._tidying_broke = False
        except RunCancelledError:
            raise
        except BackupError as error:
            self._reporter.warning(CLEANUP_POSTPONED, error=str(error), delay_seconds=self._postpone_tidying())
        except Exception as error:  # noqa: BLE001  (backups are worth more than what is left lying around)
            broken = StepError(f"The clean-up broke: {type(error).__name__}: {error}", step="clean-up")
            broken.__cause__ = error
            delay_seconds = self._postpone_tidying()
            if self._tidying_broke:
                self._reporter.warning(CLEANUP_POSTPONED, error=str(broken), delay_seconds=delay_seconds)
            else:
                self._tidying_broke = True
                self._reporter.failure(CLEANUP_FAILED, broken, delay_seconds=delay_seconds)

    def _postpone_tidying(self) -> float:
        """Have it tried again, and tell after how many seconds."""
        self._tidyings += 1
        delay_seconds = backoff(self._tidyings).total_seconds()
        self._tidy_at = self._clock.monotonic() + delay_seconds
        return delay_seconds
