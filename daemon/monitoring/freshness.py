"""How old the last good backup of a table is, and what a monitoring system is to think of that. Pure decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from backup_core.repository.listing import BackupListing, BackupStatus


CLOCK_TOLERANCE = timedelta(minutes=5)
"""A backup from further in the future than this was dated by a clock that was wrong: nobody knows its age."""


class State(IntEnum):
    """What Nagios calls a state; its value is the exit code (nagios-plugins.org/doc/guidelines.html)."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


SEVERITY = (State.OK, State.WARNING, State.UNKNOWN, State.CRITICAL)
"""The least first. What couldn't be looked at may be worse than a warning, and hides nothing that is critical."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Ages above which a backup is too old, and above which the last good drill is."""

    warn: timedelta
    critical: timedelta
    drill: timedelta = timedelta(days=8)

    def judge(self, age: timedelta) -> State:
        """The state of a backup of that age."""
        if age > self.critical:
            return State.CRITICAL
        return State.WARNING if age > self.warn else State.OK


@dataclass(frozen=True, slots=True)
class LastGood:
    """The last good backup of a table in the repository that is furthest behind.

    Attributes:
        snapshot_at: when the snapshot was taken; None if that repository has no good backup.
        age: of the snapshot; None likewise.
    """

    table: str
    repository: str
    snapshot_at: datetime | None
    age: timedelta | None


def worst(states: Iterable[State]) -> State:
    """The state of the whole; OK if there is nothing to it."""
    return max(states, key=SEVERITY.index, default=State.OK)


def last_good(table: str, stored: Mapping[str, Sequence[BackupListing]], now: datetime) -> LastGood:
    """The last good backup of a table; a backup counts only from when every repository has one.

    Args:
        table: its name.
        stored: its backups by repository; at least one repository.
        now: the time.
    """
    found = [_newest(table, repository, listings, now) for repository, listings in stored.items()]
    return max(found, key=lambda good: timedelta.max if good.age is None else good.age)


def _newest(table: str, repository: str, listings: Iterable[BackupListing], now: datetime) -> LastGood:
    good = [
        listing.snapshot_at
        for listing in listings
        if listing.status is BackupStatus.COMPLETE and listing.snapshot_at <= now + CLOCK_TOLERANCE
    ]
    if not good:
        return LastGood(table, repository, None, None)
    return LastGood(table, repository, max(good), max(now - max(good), timedelta()))


def age_text(age: timedelta) -> str:
    """An age as people read it, in its two largest units: `2d 3h`, `26h` is `1d 2h`, `40s`."""
    minutes, seconds = divmod(int(age.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {seconds}s" if minutes else f"{seconds}s"
