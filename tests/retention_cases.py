"""Policies and backups for tests of the retention, and what each rule wants, said once more in other words."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from backup_core.model import Table
from backup_core.repository.holds import Hold
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.local import LocalRepository
from backup_core.repository.publishing import publish
from backup_core.repository.retention import Policy
from backup_core.repository.summary import Summary, Verified
from tests.repository_backups import RecordingReporter, staged


NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
IDS = tuple(f"{number:032x}" for number in range(1, 4))
HOLD = Hold("alice", NOW, "before the migration")

PERIODS = {
    "keep_hourly": lambda moment: (moment.date(), moment.hour),
    "keep_daily": lambda moment: moment.date(),
    "keep_weekly": lambda moment: moment.isocalendar()[:2],
    "keep_monthly": lambda moment: (moment.year, moment.month),
    "keep_yearly": lambda moment: moment.year,
}
RULES = ("keep_within", "keep_last", *PERIODS)

counts = st.one_of(st.none(), st.integers(1, 4))
policies = st.builds(
    Policy,
    keep_within=st.one_of(st.none(), st.sampled_from([timedelta(hours=1), timedelta(days=2), timedelta(days=40)])),
    keep_last=counts,
    keep_hourly=counts,
    keep_daily=counts,
    keep_weekly=counts,
    keep_monthly=counts,
    keep_yearly=counts,
    keep_minimum=st.integers(1, 3),
)
# Coarse and dense near now, so that periods are shared and edges are met; some lie in the future.
ages = st.one_of(
    st.integers(-4, 60).map(lambda number: timedelta(minutes=30 * number)),
    st.integers(0, 60).map(lambda number: timedelta(hours=9 * number)),
    st.integers(0, 30).map(lambda number: timedelta(days=25 * number)),
)


def listing(
    snapshot_at: datetime,
    *,
    table: str = "users",
    table_id: str | None = IDS[0],
    status: BackupStatus = BackupStatus.COMPLETE,
    hold: Hold | None = None,
    tag: str = "1",
) -> BackupListing:
    """A backup as it is listed, that is nowhere on a disk."""
    return BackupListing(
        table=table,
        id=table_id,
        tag=tag,
        snapshot_at=snapshot_at,
        nominal_at=None,
        size_bytes=1000,
        plain_size_bytes=None,
        status=status,
        problem="",
        verified=Verified(),
        location=f"{table}/{tag}",
        hold=hold,
    )


def _numbered(listings: list[BackupListing]) -> list[BackupListing]:
    """Tags of their own, in no order that means anything."""
    return [replace(one, tag=str(1000 + number)) for number, one in enumerate(listings)]


repositories = st.lists(
    st.builds(
        listing,
        ages.map(lambda age: NOW - age),
        table=st.sampled_from(["users", "orders"]),
        table_id=st.sampled_from(IDS[:2]),
        status=st.sampled_from([BackupStatus.COMPLETE] * 8 + [BackupStatus.DAMAGED, BackupStatus.UNVERIFIED]),
        hold=st.sampled_from([None] * 7 + [HOLD]),
    ),
    max_size=30,
).map(_numbered)
"""What is listed of a repository."""


def counted(listings: Iterable[BackupListing], now: datetime) -> list[BackupListing]:
    """The backups that rules are about."""
    return [one for one in listings if one.status is BackupStatus.COMPLETE and one.snapshot_at <= now]


def wanted_by(rule: str, one: BackupListing, group: list[BackupListing], policy: Policy, now: datetime) -> bool:
    """Whether a rule wants a backup, looking at nothing but who is newer in its group."""
    limit = getattr(policy, rule)
    if limit is None:
        return False
    if rule == "keep_within":
        return one.snapshot_at >= now - limit
    newer = [other for other in group if (other.snapshot_at, other.tag) > (one.snapshot_at, one.tag)]
    if rule not in PERIODS:
        return len(newer) < limit
    own = PERIODS[rule](one.snapshot_at)
    newer_periods = {PERIODS[rule](other.snapshot_at) for other in newer}
    return own not in newer_periods and len(newer_periods) < limit


def expected_to_stay(listings: Iterable[BackupListing], policy: Policy, now: datetime) -> set[tuple[str, str]]:
    """Tables and tags of the backups that stay."""
    everything = list(listings)
    candidates = counted(everything, now)
    stay = {(one.table, one.tag) for one in everything if one not in candidates or one.hold}
    is_empty = all(getattr(policy, rule) is None for rule in RULES)
    for one in candidates:
        group = [other for other in candidates if (other.table, other.id) == (one.table, one.id)]
        if is_empty or any(wanted_by(rule, one, group, policy, now) for rule in (*RULES, "keep_minimum")):
            stay.add((one.table, one.tag))
    return stay


def publish_small(target: LocalRepository, table: Table, tag: str, snapshot_at: datetime) -> Path:
    """A backup of a few bytes, published as any other; returns its directory."""
    with staged(target, table, tag) as staging:
        staging.archive.write_bytes(b"rows")
        (staging.directory / "table_schema.cql").write_text("CREATE TABLE ...;")
        summary = Summary(
            table=table.name,
            keyspace=table.keyspace,
            table_id=table.id,
            tag=tag,
            scylla_version=None,
            nominal_at=snapshot_at,
            snapshot_at=snapshot_at,
            size_bytes=4,
            plain_size_bytes=4,
            sent_bytes=4,
            file_count=1,
            mode="archive",
            archive=staging.archive.name,
            archive_size_bytes=4,
            compression="gzip",
            verified=Verified(),
            manifest_size_bytes=2,
            manifest_sha256="",
        )
        (staging.directory / "summary.json").write_bytes(summary.to_json())
        (staging.directory / "manifest.json").write_bytes(b"{}")
        reporter = RecordingReporter()
        return Path(publish(target.path, staging, summary, repository=target.name, reporter=reporter).location)
