"""Metrics that are looked up when somebody asks: next runs, and snapshots of ours on the node."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backup_core.errors import BackupError
from backup_core.journal import Journal
from daemon.metric_families import NAMESPACE


class LiveMetrics(Collector):
    """Nothing here can be out of date.

    Args:
        next_times: when each schedule fires next, by name; must be quick.
        journal: of the snapshots that are ours.
    """

    def __init__(self, next_times: Callable[[], Mapping[str, datetime]], journal: Journal) -> None:
        self._next_times = next_times
        self._journal = journal

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The families without values, which is how the registry learns their names."""
        return [_next_runs({}), _snapshots({})]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The families at this moment."""
        return [_next_runs(self._next_times()), _snapshots(self._held())]

    def _held(self) -> dict[str, float]:
        try:
            broken: list[BackupError] = []
            alive = [alive for _, alive in self._journal.entries(broken.append)]
        except BackupError:
            # Without a journal no snapshot is taken, so runs fail and tell why; here it is only unknown.
            return {"in_use": math.nan, "left_behind": math.nan}
        return {"in_use": alive.count(True), "left_behind": alive.count(False) + len(broken)}


def _next_runs(moments: Mapping[str, datetime]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        f"{NAMESPACE}_next_run_timestamp_seconds", "When each schedule fires next", labels=("schedule",)
    )
    for name, moment in moments.items():
        family.add_metric((name,), moment.timestamp())
    return family


def _snapshots(held: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        f"{NAMESPACE}_snapshots_held",
        "Snapshots in the journal: of a run that is alive, or left to the next one; NaN: the journal can't be read",
        labels=("state",),
    )
    for state, count in held.items():
        family.add_metric((state,), count)
    return family
