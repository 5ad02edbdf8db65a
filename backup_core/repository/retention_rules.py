"""The rules of retention, each a function of the times of a group's backups: what it wants of them, and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from backup_core.durations import duration_text


class Verdict(NamedTuple):
    """What one rule says of one backup; the reason is for people, and says why not where it isn't wanted."""

    wanted: bool
    reason: str


Rule = Callable[[Sequence[datetime], datetime], list[Verdict]]
"""Takes the times of a group's snapshots, newest first, none of them after the second argument, which is now."""


@dataclass(frozen=True, slots=True)
class _Calendar:
    """How a period is called, and how `strftime` writes which one it is."""

    unit: str
    form: str


_CALENDARS = {
    "hourly": _Calendar("hours", "%Y-%m-%d %H:00 UTC"),
    "daily": _Calendar("days", "%Y-%m-%d"),
    "weekly": _Calendar("weeks", "%G-W%V"),
    "monthly": _Calendar("months", "%Y-%m"),
    "yearly": _Calendar("years", "%Y"),
}


def everything(moments: Sequence[datetime], now: datetime) -> list[Verdict]:  # noqa: ARG001  (it is a rule)
    """What holds where no rule is set."""
    return [Verdict(wanted=True, reason="no rule is set: everything stays")] * len(moments)


def within(duration: timedelta) -> Rule:
    """Wants what is not older than a duration."""
    text = duration_text(duration)

    def judge(moments: Sequence[datetime], now: datetime) -> list[Verdict]:
        # Not `now - duration`, which may lie before the first year of all calendars.
        ages = [now - moment for moment in moments]
        return [Verdict(age <= duration, f"within {text}" if age <= duration else f"older than {text}") for age in ages]

    return judge


def by_count(name: str, count: int) -> Rule:
    """Wants the newest `count`."""

    def judge(moments: Sequence[datetime], now: datetime) -> list[Verdict]:  # noqa: ARG001  (it is a rule)
        wanted = [Verdict(wanted=True, reason=f"{name} {place + 1} of {count}") for place in range(len(moments))]
        rest = [Verdict(wanted=False, reason=f"not of the {name} {count}")] * (len(moments) - count)
        return wanted[:count] + rest

    return judge


def by_calendar(name: str, count: int) -> Rule:
    """Wants the newest of each of the newest `count` periods that have a backup; `name` is `daily` and the like."""
    calendar = _CALENDARS[name]

    def judge(moments: Sequence[datetime], now: datetime) -> list[Verdict]:  # noqa: ARG001  (it is a rule)
        seen: set[str] = set()
        verdicts = []
        for moment in moments:
            period = moment.astimezone(UTC).strftime(calendar.form)
            if period in seen:
                verdicts.append(Verdict(wanted=False, reason=f"not the newest of {period}"))
                continue
            seen.add(period)
            wanted = len(seen) <= count
            reason = f"{name} {len(seen)} of {count} ({period})" if wanted else _beyond(count, calendar.unit)
            verdicts.append(Verdict(wanted, reason))
        return verdicts

    return judge


def _beyond(count: int, unit: str) -> str:
    return f"before the newest {count} {unit} with a backup"
