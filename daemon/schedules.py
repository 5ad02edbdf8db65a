"""A schedule as a value: when it fires, which tables it takes, what is done with them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from fnmatch import fnmatchcase

from backup_core.repository.verification import DEEP, Depth
from daemon.settings_file import Settings
from daemon.settings_schedules import ScheduleSettings, What, parse_depth, parse_splay
from daemon.triggers import CronTrigger, IntervalTrigger, ScheduleTrigger, timezone_named


@dataclass(frozen=True, slots=True)
class Schedule:
    """One `[schedule.NAME]`.

    Attributes:
        name: as in the settings.
        trigger: when it fires.
        timezone: in which its times are shown, and cron's fields are read.
        tables: patterns of the tables that it takes; case counts.
        exclude: patterns of those that it leaves out all the same.
        what: what is done with them.
        splay: the longest delay of storing; snapshots are never delayed.
        catch_up: whether it runs at start when it was missed.
        depth: how deep a verify looks.
    """

    name: str
    trigger: ScheduleTrigger
    timezone: tzinfo
    tables: tuple[str, ...]
    exclude: tuple[str, ...]
    what: What
    splay: timedelta
    catch_up: bool
    depth: Depth = DEEP

    def select(self, table_names: Iterable[str]) -> tuple[str, ...]:
        """Those of the tables that it takes, in the order in which they are given."""
        return tuple(name for name in table_names if _matches(name, self.tables) and not _matches(name, self.exclude))

    def next_times(self, count: int, after: datetime) -> tuple[datetime, ...]:
        """Its next `count` fire times after a moment, in UTC."""
        times = []
        for _ in range(count):
            after = self.trigger.next_after(after)
            times.append(after)
        return tuple(times)

    def delay_on(self, host_id: str) -> timedelta:
        """How long a node waits before it stores: its own share of the splay, always the same, below the splay."""
        if not self.splay:
            return self.splay
        digest = hashlib.sha256(f"{host_id}/{self.name}".encode()).digest()
        return timedelta(seconds=int.from_bytes(digest) % int(self.splay.total_seconds()))


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A schedule that has come due.

    Attributes:
        schedule: as it was at that moment; a reload doesn't change what is due.
        nominal_at: when it was to fire, in UTC, however late that is: it names the run on all nodes.
    """

    schedule: Schedule
    nominal_at: datetime


def schedules(settings: Settings) -> tuple[Schedule, ...]:
    """The schedules of the settings."""
    return tuple(_schedule(name, schedule) for name, schedule in settings.schedule.items())


def tables_backed_up(schedules: Iterable[Schedule], table_names: Iterable[str]) -> frozenset[str]:
    """Those of the tables that at least one of the schedules backs up."""
    names = tuple(table_names)
    return frozenset(name for schedule in schedules if schedule.what == "backup" for name in schedule.select(names))


def _schedule(name: str, settings: ScheduleSettings) -> Schedule:
    timezone = timezone_named(settings.timezone)
    return Schedule(
        name=name,
        trigger=_trigger(settings, timezone),
        timezone=timezone,
        tables=settings.tables,
        exclude=settings.exclude,
        what=settings.what,
        splay=parse_splay(settings.splay),
        catch_up=settings.catch_up,
        depth=parse_depth(settings.depth),
    )


def _trigger(settings: ScheduleSettings, timezone: tzinfo) -> ScheduleTrigger:
    if settings.cron is not None:
        return CronTrigger.parse(settings.cron, timezone)
    return IntervalTrigger.parse(str(settings.every))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
