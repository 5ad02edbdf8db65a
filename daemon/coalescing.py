"""Makes runs of what is due: two schedules that want one table at one nominal time get one backup of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from backup_core.events import BACKUP_COALESCED, SCHEDULE_UNMATCHED, Reporter
from daemon.schedules import Schedule, WorkItem
from daemon.settings_schedules import What


_ORDER = get_args(What)
"""Of what is due at one time: new backups are there to be verified, and only then is something pruned."""


@dataclass(frozen=True, slots=True)
class DueRun:
    """What is to be done in one go.

    Attributes:
        nominal_at: when all of it was due.
        what: what is done.
        schedules: all that ask for it.
    """

    nominal_at: datetime
    what: What
    schedules: tuple[Schedule, ...]

    @property
    def tag(self) -> str:
        """Name of the run and of its snapshots: the nominal time as Unix time in digits."""
        return str(int(self.nominal_at.timestamp()))


@dataclass(frozen=True, slots=True)
class DueTable:
    """A table of a run.

    Attributes:
        name: as Alternator knows it.
        schedules: names of all schedules that ask for it.
        delay: how long this node waits before it stores the table: the shortest wait of those that ask.
    """

    name: str
    schedules: tuple[str, ...]
    delay: timedelta


def due_runs(items: Iterable[WorkItem]) -> tuple[DueRun, ...]:
    """The runs that do all of the work: one for each nominal time and kind of work, the oldest first."""
    groups: dict[tuple[datetime, What], dict[str, Schedule]] = {}
    for item in items:
        groups.setdefault((item.nominal_at, item.schedule.what), {})[item.schedule.name] = item.schedule
    ordered = sorted(groups, key=lambda group: (group[0], _ORDER.index(group[1])))
    return tuple(DueRun(*group, tuple(groups[group].values())) for group in ordered)


def due_tables(run: DueRun, table_names: Sequence[str], *, host_id: str, reporter: Reporter) -> tuple[DueTable, ...]:
    """The tables of a run, each once; to be asked for when the run begins, for tables come and go.

    Args:
        run: what is due.
        table_names: all tables that there are at this moment: on the node for a backup, else in the repositories.
        host_id: of this node, for its share of a splay.
        reporter: hears which backups several schedules ask for, and which schedules match no table.

    Returns:
        The tables, in the order of `table_names`; none if no schedule of the run matches one.
    """
    askers: dict[str, list[Schedule]] = {}
    for schedule in run.schedules:
        selected = schedule.select(table_names)
        for name in selected:
            askers.setdefault(name, []).append(schedule)
        if not selected:
            patterns = {"tables": schedule.tables, "exclude": schedule.exclude}
            reporter.warning(SCHEDULE_UNMATCHED, schedule=schedule.name, nominal_at=run.nominal_at, **patterns)
    tables = tuple(_table(name, askers[name], host_id) for name in table_names if name in askers)
    for table in tables:
        if run.what == "backup" and len(table.schedules) > 1:
            reporter.event(BACKUP_COALESCED, table=table.name, tag=run.tag, schedules=table.schedules)
    return tables


def _table(name: str, askers: Sequence[Schedule], host_id: str) -> DueTable:
    delay = min(schedule.delay_on(host_id) for schedule in askers)
    return DueTable(name, tuple(schedule.name for schedule in askers), delay)
