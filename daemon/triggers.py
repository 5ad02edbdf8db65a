"""When a schedule fires: by cron's rules, or at a fixed pace. These are APScheduler's triggers, and values.

Fire times are aware and in UTC; a timezone only says on which wall clock cron's fields are read. Two triggers that fire
alike are equal, which is how a reload knows what has changed.

Where clocks are put forward or back, an expression with a time of day in it fires exactly once for each of its times: a
time that is skipped is made up for at the end of the gap, and of a time that comes twice the first one counts. An
expression that fires in every hour goes on in real time, as cron does it.
"""

import zoneinfo
from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim, CronSimError

from backup_core.durations import duration_text, parse_duration


NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_INTERVAL = timedelta(days=366)
_FIELDS = 5
_HOURS_OF_A_DAY = 24
_LOOK_BACK = (timedelta(hours=1), *(timedelta(days=days) for days in (1, 8, 32, 367, 3000, 18500)))
"""How far to look for the last fire time: from every minute to a Monday that is the 29th of February."""


class ScheduleTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler publishes no types
    """When a schedule fires, forwards and backwards."""

    __slots__ = ()

    @abstractmethod
    def next_after(self, moment: datetime) -> datetime:
        """The first fire time after `moment`, in UTC."""

    @abstractmethod
    def last_until(self, moment: datetime) -> datetime:
        """The newest fire time that is not after `moment`, in UTC."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """APScheduler's question. What fires at `now` itself is over: a start catches up on it."""
        return self.next_after(previous_fire_time or now)


@dataclass(frozen=True, slots=True)
class CronTrigger(ScheduleTrigger):
    """Fires by the rules of cron (Debian's): day of month or day of week, 0 and 7 are Sunday, names, ranges, steps.

    CronSim's own extensions hold too: `L` and `LW` as day of month, `5L` and `MON#2` as day of week.

    Attributes:
        expression: as it was given.
        timezone: on whose wall clock it is read.
        rule: the same as CronSim is given it.
    """

    expression: str = field(compare=False)
    timezone: tzinfo
    rule: str

    @classmethod
    def parse(cls, expression: str, timezone: tzinfo) -> Self:
        """Read five fields, or one of the nicknames.

        Raises:
            ValueError: it is neither, or would never fire.
        """
        fields = NICKNAMES.get(expression.strip().lower(), expression).split()
        if len(fields) == 1 and fields[0].startswith("@"):
            raise ValueError(f"{expression!r} is none of {', '.join(NICKNAMES)}")
        if len(fields) != _FIELDS:
            raise ValueError(
                f"{expression!r} has {len(fields)} field(s), not five: minute, hour, day of month, month, day of week"
            )
        try:
            simulation = CronSim(" ".join(fields), _EPOCH)
        except CronSimError as error:
            raise ValueError(f"{expression!r} is no cron expression: {_reason(error)}") from error
        if next(simulation, None) is None:
            raise ValueError(f"{expression!r} never fires: no such day ever comes")
        return cls(expression, timezone, _rule(fields, in_every_hour=len(simulation.hours) == _HOURS_OF_A_DAY))

    def next_after(self, moment: datetime) -> datetime:
        """See `ScheduleTrigger`."""
        # CronSim walks the wall clock and starts in the first pass of a repeated hour, so it may begin too early.
        simulation = CronSim(self.rule, moment.astimezone(self.timezone))
        fires = (fire.astimezone(UTC) for fire in simulation)
        return next(fire for fire in fires if fire > moment)

    def last_until(self, moment: datetime) -> datetime:
        """See `ScheduleTrigger`."""
        # Looked for forwards: CronSim loses times when it walks back through a repeated hour.
        for look_back in _LOOK_BACK:
            last, fire = None, self.next_after(moment - look_back)
            while fire <= moment:
                last, fire = fire, self.next_after(fire)
            if last is not None:
                return last
        raise AssertionError(f"{self.expression} has not fired for half a century")

    def __str__(self) -> str:
        return f"cron {self.expression} ({self.timezone})"


@dataclass(frozen=True, slots=True)
class IntervalTrigger(ScheduleTrigger):
    """Fires at a fixed pace counted from 1970-01-01 00:00 UTC: at the same moments on every node, after every restart.

    Attributes:
        interval: whole seconds.
    """

    interval: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a duration such as `15m` or `6h`.

        Raises:
            ValueError: it is none, or longer than a year, which nobody waits for.
        """
        interval = parse_duration(text)
        if interval > _LONGEST_INTERVAL:
            raise ValueError(f"{text!r} is longer than a year")
        return cls(interval)

    def next_after(self, moment: datetime) -> datetime:
        """See `ScheduleTrigger`."""
        return self.last_until(moment) + self.interval

    def last_until(self, moment: datetime) -> datetime:
        """See `ScheduleTrigger`."""
        return _EPOCH + (moment - _EPOCH) // self.interval * self.interval

    def __str__(self) -> str:
        return f"every {duration_text(self.interval)}"


def timezone_named(name: str) -> tzinfo:
    """The timezone of an IANA name. UTC needs no timezone database on the machine.

    Raises:
        ValueError: there is none of that name.
    """
    if name == "UTC":
        return UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no timezone like UTC or Europe/Berlin that this machine knows") from error


def _rule(fields: list[str], *, in_every_hour: bool) -> str:
    """The expression in the form that makes CronSim follow real time, or the wall clock.

    CronSim follows the wall clock where there are five fields and neither minute nor hour starts with a star, and real
    time otherwise (cronsim.py), which would skip or repeat `*/15 2 * * *` and `0 */2 * * *` with the clock.
    """
    if in_every_hour:
        return " ".join(("0", *fields))
    minute, hour, *days = fields
    return " ".join((minute.replace("*", "0-59"), hour.replace("*", "0-23"), *days))


def _reason(error: CronSimError) -> str:
    text = str(error).replace("day-of-", "day of ")
    return text[:1].lower() + text[1:]
