"""Judges drills: whether one was good lately, and whose last one was not. Pure, as the verdict that it is part of."""

from collections.abc import Collection, Iterator
from datetime import timedelta

from backup_core.restore.drill_results import DrillResult
from daemon.monitoring.evidence import Evidence
from daemon.monitoring.freshness import age_text


def last_good_drill(evidence: Evidence) -> DrillResult | None:
    """The newest good drill of any table; None if there never was one."""
    goods = [drills.last_good for drills in evidence.drills if drills.last_good is not None]
    return max(goods, key=lambda result: result.drilled_at, default=None)


def drill_problems(evidence: Evidence, names: Collection[str], warn: timedelta) -> Iterator[str]:
    """What is to be said against the drills; that there are none is fine where no schedule makes any.

    Args:
        evidence: what was found.
        names: of the tables that are judged.
        warn: the age above which the last good drill is too old.
    """
    for drills in evidence.drills:
        if drills.last.table in names and not drills.last.good:
            yield f"last drill of {drills.last.table} failed: {'; '.join(drills.last.problems)}"
    if all(schedule.what != "drill" for schedule in evidence.schedules):
        return
    good = last_good_drill(evidence)
    if good is None:
        yield "there was no good drill yet"
    elif evidence.now - good.drilled_at > warn:
        yield f"last good drill {age_text(evidence.now - good.drilled_at)} ago ({good.table})"
