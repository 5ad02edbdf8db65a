"""Decides which backups stay: a function of what is listed, of the rules and of the time, and of nothing else.

Backups are judged in groups of one table name and table id, so that a table that was dropped and made again doesn't
push its former self out. Only complete backups count, by the time of their snapshot. A backup stays if any rule wants
it; a policy without rules keeps everything. What is never counted is never removed either:

- damaged backups: what is wrong with them is for people to look at, and a newer release may only have written them;
- what the predecessor left, since nothing tells what it should hold;
- backups from the future: the clock was wrong then or is wrong now, and neither may cost a good backup its place.

A backup on hold stays, and counts as if it were not held.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.retention_rules import Rule, by_calendar, by_count, everything, within


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules for a table. None is a rule that isn't set.

    Attributes:
        keep_within: backups that are not older than this.
        keep_last: that many newest ones.
        keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly: the newest backup of each of the newest that
            many periods, in UTC, that have a backup; weeks are those of ISO 8601.
        keep_minimum: that many newest ones stay whatever the other rules say; at least 1, and no rule by itself.
    """

    keep_within: timedelta | None = None
    keep_last: int | None = None
    keep_hourly: int | None = None
    keep_daily: int | None = None
    keep_weekly: int | None = None
    keep_monthly: int | None = None
    keep_yearly: int | None = None
    keep_minimum: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError where something could be read as `keep nothing`."""
        counts = (self.keep_last, self.keep_minimum, *self._calendars().values())
        if any(count is not None and count < 1 for count in counts):
            raise ValueError("a rule keeps at least 1 backup; leave out what isn't wanted")

    def rules(self) -> tuple[Rule, ...]:
        """The rules that are set, with the minimum first."""
        found = []
        if self.keep_within is not None:
            found.append(within(self.keep_within))
        if self.keep_last is not None:
            found.append(by_count("last", self.keep_last))
        found += [by_calendar(name, count) for name, count in self._calendars().items() if count is not None]
        return (by_count("minimum", self.keep_minimum), *found) if found else (everything,)

    def _calendars(self) -> dict[str, int | None]:
        return {
            "hourly": self.keep_hourly,
            "daily": self.keep_daily,
            "weekly": self.keep_weekly,
            "monthly": self.keep_monthly,
            "yearly": self.keep_yearly,
        }


@dataclass(frozen=True, slots=True)
class TablePolicy:
    """A policy for some tables.

    Attributes:
        tables: names, or patterns with `*`, `?` and `[...]`; case counts.
    """

    tables: tuple[str, ...]
    policy: Policy


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a repository.

    Attributes:
        default: for tables that none of the others is for.
        for_tables: the first one that names a table counts, wholly: nothing of the default is added to it.
    """

    default: Policy = Policy()
    for_tables: tuple[TablePolicy, ...] = ()

    def of(self, table_name: str) -> Policy:
        """The one policy of a table."""
        for candidate in self.for_tables:
            if any(fnmatchcase(table_name, pattern) for pattern in candidate.tables):
                return candidate.policy
        return self.default


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a backup.

    Attributes:
        reasons: for people: every rule that wants it, or why no rule does.
    """

    listing: BackupListing
    keep: bool
    reasons: tuple[str, ...]


def decide(listings: Iterable[BackupListing], policies: Policies, now: datetime) -> tuple[Decision, ...]:
    """Decide on every backup of a repository, or on all of some of its tables.

    Args:
        listings: in any order; of each table all that there is.
        policies: the repository's.
        now: the time that ages count from, aware.

    Returns:
        A decision on each listing: tables by name, each with its newest backup first.
    """
    newest_first = sorted(listings, key=lambda listing: (listing.snapshot_at, listing.tag), reverse=True)
    groups: dict[tuple[str, str | None], list[BackupListing]] = defaultdict(list)
    decisions = {}
    for listing in newest_first:
        exemption = _exemption(listing, now)
        if exemption:
            decisions[_key(listing)] = Decision(listing, keep=True, reasons=(exemption, *_hold(listing)))
        else:
            groups[listing.table, listing.id].append(listing)
    for (table, _), members in groups.items():
        decisions |= _judge(members, policies.of(table), now)
    return tuple(decisions[_key(listing)] for listing in sorted(newest_first, key=lambda listing: listing.table))


def _judge(members: Sequence[BackupListing], policy: Policy, now: datetime) -> dict[tuple[str, str], Decision]:
    moments = [member.snapshot_at for member in members]
    by_rule = [rule(moments, now) for rule in policy.rules()]
    decisions = {}
    for member, verdicts in zip(members, zip(*by_rule, strict=True), strict=True):
        wanted = tuple(verdict.reason for verdict in verdicts if verdict.wanted) + _hold(member)
        reasons = wanted or tuple(verdict.reason for verdict in verdicts)
        decisions[_key(member)] = Decision(member, bool(wanted), reasons)
    return decisions


def _exemption(listing: BackupListing, now: datetime) -> str:
    if listing.status is BackupStatus.UNVERIFIED:
        return "left by the predecessor: never counted, never removed by prune"
    if listing.status is not BackupStatus.COMPLETE:
        return "damaged: never counted, never removed by prune"
    if listing.snapshot_at > now:
        return "from the future: not counted while its time hasn't come"
    return ""


def _hold(listing: BackupListing) -> tuple[str, ...]:
    return () if listing.hold is None else (str(listing.hold),)


def _key(listing: BackupListing) -> tuple[str, str]:
    return listing.table, listing.tag
