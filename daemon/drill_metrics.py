"""Metrics of drills, looked up when somebody asks: root's drills and the daemon's are remembered in one place."""

import math
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backup_core.errors import BackupError
from backup_core.restore.drill_results import DrillRecords
from daemon.metric_families import NAMESPACE


class DrillMetrics(Collector):
    """How long ago a backup last came back as it was, and how many tables' last drill was no good one.

    Args:
        records: of drills.
    """

    def __init__(self, records: DrillRecords) -> None:
        self._records = records

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The families without values, which is how the registry learns their names."""
        return _families(())

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The families at this moment."""
        try:
            found = self._records.all()
        except BackupError:
            return _families((math.nan, math.nan))
        moments = [drills.last_good.drilled_at.timestamp() for drills in found if drills.last_good is not None]
        return _families((max(moments, default=0.0), sum(not drills.last.good for drills in found)))


def _families(values: tuple[float, float] | tuple[()]) -> list[GaugeMetricFamily]:
    families = [
        GaugeMetricFamily(
            f"{NAMESPACE}_last_good_drill_timestamp_seconds",
            "When a backup last came back as it was, in a drill; 0: never; NaN: the records can't be read",
        ),
        GaugeMetricFamily(
            f"{NAMESPACE}_tables_failing_drills", "Tables whose last drill failed; NaN: the records can't be read"
        ),
    ]
    for family, value in zip(families, values, strict=False):
        family.add_metric((), value)
    return families
