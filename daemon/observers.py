"""Who hears of runs as a whole: the history, metrics, hooks."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from daemon.history_records import Outcome, RunRecord, TableRecord


class RunObserver(Protocol):
    """Must be quick, and must not raise. Called from any thread."""

    def run_started(self, run: RunRecord, tables: Sequence[str]) -> None:
        """A run begins, over these tables: none where nobody could tell which. Its attempts are all one run."""

    def tables_covered(self, names: Iterable[str]) -> None:
        """These tables are on the node, and some schedule backs them up."""

    def table_finished(self, table: TableRecord) -> None:
        """A run is done with a table, for better or worse."""

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime, error: str = "") -> None:
        """A run has ended; `error` is why it never came to its tables, if it didn't."""

    def schedule_handled(self, schedule: str, nominal_at: datetime) -> None:
        """What was due at that time needs no catching up."""


class RunObservers:
    """Tells each of them everything, in their order."""

    def __init__(self, *observers: RunObserver) -> None:
        self._observers = observers

    def run_started(self, run: RunRecord, tables: Sequence[str]) -> None:
        """See `RunObserver`."""
        for observer in self._observers:
            observer.run_started(run, tables)

    def tables_covered(self, names: Iterable[str]) -> None:
        """See `RunObserver`."""
        names = tuple(names)
        for observer in self._observers:
            observer.tables_covered(names)

    def table_finished(self, table: TableRecord) -> None:
        """See `RunObserver`."""
        for observer in self._observers:
            observer.table_finished(table)

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime, error: str = "") -> None:
        """See `RunObserver`."""
        for observer in self._observers:
            observer.run_finished(run_id, outcome, finished_at, error)

    def schedule_handled(self, schedule: str, nominal_at: datetime) -> None:
        """See `RunObserver`."""
        for observer in self._observers:
            observer.schedule_handled(schedule, nominal_at)


class SilentObserver:
    """Hears everything and does nothing; what observes only some of it begins here."""

    def run_started(self, run: RunRecord, tables: Sequence[str]) -> None:
        """Nothing."""

    def tables_covered(self, names: Iterable[str]) -> None:
        """Nothing."""

    def table_finished(self, table: TableRecord) -> None:
        """Nothing."""

    def run_finished(self, run_id: str, outcome: Outcome, finished_at: datetime, error: str = "") -> None:
        """Nothing."""

    def schedule_handled(self, schedule: str, nominal_at: datetime) -> None:
        """Nothing."""
