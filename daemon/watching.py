"""Everything that watches the daemon at its work: history, metrics and their server, hooks."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime

from backup_core.errors import BackupError
from daemon.drill_metrics import DrillMetrics
from daemon.drills import drill_records
from daemon.history import History
from daemon.history_file import HISTORY_NAME
from daemon.history_records import Outcome, RunRecord, TableRecord
from daemon.hooks import Hooks
from daemon.listening import Listening
from daemon.live_metrics import LiveMetrics
from daemon.loaded import Loaded
from daemon.metrics import Metrics
from daemon.observers import RunObserver, RunObservers, SilentObserver
from daemon.schedules import tables_backed_up
from daemon.state import state_directory
from daemon.upkeep import Upkeep
from daemon.wiring import snapshot_journal


HOOKS_END_SECONDS = 10.0
"""So long the last hooks may take when the daemon ends."""


class Watching:
    """Opened by the service that holds the state directory's lock, and closed by it.

    Args:
        upkeep: with the settings in force at the beginning, and a reporter that metrics hear of too.
        metrics: the reporter's.

    Attributes:
        observer: hears of runs.
    """

    def __init__(self, upkeep: Upkeep, metrics: Metrics) -> None:
        loaded, reporter = upkeep.loaded, upkeep.reporter
        self._reporter = reporter
        self._metrics = metrics
        self._stack = ExitStack()
        self._history = _open_history(upkeep)
        self._stack.callback(self._history.close)
        self._hooks = Hooks(loaded.settings.hooks, reporter)
        self._stack.callback(self._hooks.close, HOOKS_END_SECONDS)
        self.observer: RunObserver = RunObservers(_Remembering(self._history), metrics, self._hooks)
        metrics.recall(self._history.last_runs().values(), self._history.last_success)
        # Until the node tells which tables there are, which it may not do for long: their backups get older meanwhile.
        metrics.tables_covered(tables_backed_up(loaded.schedules, self._history.tables()))

    def serve(
        self,
        loaded: Loaded,
        next_times: Callable[[], Mapping[str, datetime]],
        problems: Callable[[], Sequence[str]],
    ) -> None:
        """Have `/metrics` and `/healthz` from now on; once only."""
        self._metrics.registry.register(LiveMetrics(next_times, snapshot_journal(loaded.settings)))
        self._metrics.registry.register(DrillMetrics(drill_records(loaded.settings)))
        self._listening = Listening(self._metrics.registry, problems, self._reporter)
        self._stack.callback(self._listening.close)
        self._listening.begin(loaded.settings.metrics.listen)

    def moving(self, loaded: Loaded) -> AbstractContextManager[None]:
        """Have `/metrics` where these settings say, once the block is done; else where it was.

        Raises:
            SettingsError: on entering, the address can't be had.
        """
        return self._listening.moving(loaded.settings.metrics.listen)

    def apply(self, loaded: Loaded) -> None:
        """These settings are in force now."""
        self._metrics.apply(loaded.settings)
        self._hooks.apply(loaded.settings.hooks)

    def last_handled(self) -> dict[str, datetime]:
        """The newest nominal time of each schedule that was handled."""
        return self._history.last_handled()

    def close(self) -> None:
        """Let the last hooks be called, and end all of it."""
        self._stack.close()


class _Remembering(SilentObserver):
    """What the history wants to hear."""

    def __init__(self, history: History) -> None:
        self._history = history

    def run_started(self, run: RunRecord, tables: Sequence[str]) -> None:  # noqa: ARG002  (each is told when it is done)
        """See `RunObserver`."""
        self._history.run_started(run)

    def table_finished(self, table: TableRecord) -> None:
        """See `RunObserver`."""
        self._history.table_finished(table)

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime, error: str = "") -> None:
        """See `RunObserver`."""
        self._history.run_finished(run_id, outcome, finished_at, error)

    def schedule_handled(self, schedule: str, nominal_at: datetime) -> None:
        """See `RunObserver`."""
        self._history.schedule_handled(schedule, nominal_at)


def _open_history(upkeep: Upkeep) -> History:
    """It asks the repositories only if it was lost; where their paths need a node that is down, it goes without."""
    path = state_directory(upkeep.loaded.settings) / HISTORY_NAME
    try:
        with upkeep.repositories() as stored_in:
            return History.open(path, stored_in, upkeep.reporter)
    except BackupError:
        return History.open(path, (), upkeep.reporter)
