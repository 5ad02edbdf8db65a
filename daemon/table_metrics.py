"""Metrics of the tables: one series each up to a limit, so that many tables don't make Prometheus suffer."""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from daemon.history_records import Outcome, TableRecord
from daemon.metric_families import NAMESPACE


OTHERS = "~others"
"""Label of all tables beyond the limit together; Alternator allows no such table name."""


@dataclass(slots=True)
class _State:
    """What is known of a table: 0 and NaN are for what never was."""

    last_success: float = 0.0
    succeeded: float = math.nan
    source_bytes: float = math.nan
    stored_bytes: dict[str, int] = field(default_factory=dict)


class TableMetrics(Collector):
    """Tables in the order in which they came to be known: the first ones have series of their own.

    Of the others there is one series with the oldest success, the worst outcome, and the sum of the sizes.

    Args:
        limit: how many have their own.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}
        self._last_success: Callable[[str], datetime | None] = lambda _name: None

    def limit(self, limit: int) -> None:
        """Have that many tables with series of their own from now on."""
        self._limit = limit

    def recall(self, last_success: Callable[[str], datetime | None]) -> None:
        """Ask this from now on when a table that comes to be covered was last backed up; None if it never was."""
        self._last_success = last_success

    def cover(self, names: Iterable[str]) -> None:
        """These tables are to be backed up: have a series for each, with what it had before, and none for others."""
        wanted = tuple(names)
        new = {name: _State(self._remembered(name)) for name in wanted if name not in self._states}
        kept = frozenset(wanted)
        with self._lock:
            self._states = {name: state for name, state in self._states.items() if name in kept}
            for name, state in new.items():
                self._states.setdefault(name, state)

    def finished(self, table: TableRecord) -> None:
        """A run is done with backing up a table."""
        with self._lock:
            state = self._state(table.table)
            state.succeeded = float(table.outcome is Outcome.SUCCEEDED)
            if state.succeeded:
                state.last_success = table.finished_at.timestamp()

    def stored(self, name: str, repository: str, *, source_bytes: int, stored_bytes: int) -> None:
        """A repository has taken a backup of the table."""
        with self._lock:
            state = self._state(name)
            state.source_bytes = source_bytes
            state.stored_bytes[repository] = stored_bytes

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The families without values, which is how the registry learns their names."""
        return _families({})

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The families at this moment."""
        with self._lock:
            return _families(self._labelled())

    def _remembered(self, name: str) -> float:
        moment = self._last_success(name)
        return moment.timestamp() if moment else 0.0

    def _state(self, name: str) -> _State:
        return self._states.setdefault(name, _State())

    def _labelled(self) -> dict[str, list[_State]]:
        groups: dict[str, list[_State]] = {}
        for number, (name, state) in enumerate(self._states.items()):
            groups.setdefault(name if number < self._limit else OTHERS, []).append(state)
        return groups


def _families(groups: Mapping[str, list[_State]]) -> list[GaugeMetricFamily]:
    last_success = _family("table_last_success_timestamp_seconds", "When a backup was last complete; 0: never")
    succeeded = _family("table_last_run_success", "1 if the last backup succeeded, else 0; NaN: none yet")
    source = _family("table_source_bytes", "Size of the last backup's snapshot; NaN: none yet")
    stored = GaugeMetricFamily(
        f"{NAMESPACE}_table_stored_bytes",
        "Size of the last backup as it is stored",
        labels=("table", "repository"),
    )
    for label, states in groups.items():
        last_success.add_metric((label,), min(state.last_success for state in states))
        succeeded.add_metric((label,), _known(min, (state.succeeded for state in states)))
        source.add_metric((label,), _known(sum, (state.source_bytes for state in states)))
        for repository in sorted({name for state in states for name in state.stored_bytes}):
            total = sum(state.stored_bytes.get(repository, 0) for state in states)
            stored.add_metric((label, repository), total)
    return [last_success, succeeded, source, stored]


def _family(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{NAMESPACE}_{name}", documentation, labels=("table",))


def _known(fold: Callable[[Iterator[float]], float], values: Iterable[float]) -> float:
    """A fold over what isn't NaN; NaN if there is nothing."""
    known = [value for value in values if not math.isnan(value)]
    return fold(iter(known)) if known else math.nan
