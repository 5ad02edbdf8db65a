from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.retention import Decision, Policies, Policy, TablePolicy, decide
from tests.retention_cases import (
    HOLD,
    IDS,
    NOW,
    RULES,
    ages,
    counted,
    expected_to_stay,
    listing,
    policies,
    repositories,
)


def staying(listings: list[BackupListing], policy: Policy, now: datetime = NOW) -> set[tuple[str, str]]:
    """Tables and tags of what stays."""
    return {(d.listing.table, d.listing.tag) for d in decide(listings, Policies(policy), now) if d.keep}


def days_ago(*days: float, **fields: Any) -> list[BackupListing]:
    """A backup for each of these ages, tagged from 1 on."""
    return [listing(NOW - timedelta(days=age), tag=str(number), **fields) for number, age in enumerate(days, start=1)]


def by_tag(listings: list[BackupListing], policy: Policy) -> dict[str, Decision]:
    """The decisions on backups that have tags of their own."""
    return {decision.listing.tag: decision for decision in decide(listings, Policies(policy), NOW)}


@given(listings=repositories, policy=policies)
def test_what_stays_is_what_the_rules_want(listings: list[BackupListing], policy: Policy) -> None:
    """Whatever rules are set, exactly those backups stay that one of them wants, that are held, or that don't count."""
    assert staying(listings, policy) == expected_to_stay(listings, policy, NOW)


@pytest.mark.parametrize("rule", RULES)
@given(listings=repositories, count=st.integers(1, 5), minimum=st.integers(1, 3))
def test_each_rule_alone_keeps_what_it_says(rule: str, listings: list[BackupListing], count: int, minimum: int) -> None:
    """One rule keeps what it says and the minimum, nothing else."""
    limit = timedelta(hours=7 * count) if rule == "keep_within" else count
    policy = Policy(**{rule: limit, "keep_minimum": minimum})
    assert staying(listings, policy) == expected_to_stay(listings, policy, NOW)


@given(listings=repositories, policy=policies)
def test_the_minimum_of_each_group_stays(listings: list[BackupListing], policy: Policy) -> None:
    """Of each table name and table id the newest complete backups stay, as many as the minimum says."""
    kept = staying(listings, policy)
    for group in {(one.table, one.id) for one in listings}:
        members = [one for one in counted(listings, NOW) if (one.table, one.id) == group]
        newest = sorted(members, key=lambda one: (one.snapshot_at, one.tag), reverse=True)[: policy.keep_minimum]
        assert {(one.table, one.tag) for one in newest} <= kept


@given(listings=repositories, policy=policies)
def test_a_second_time_changes_nothing(listings: list[BackupListing], policy: Policy) -> None:
    """What is left after the removals is left by another round, too."""
    kept = staying(listings, policy)
    left = [one for one in listings if (one.table, one.tag) in kept]
    assert staying(left, policy) == kept


@given(listings=repositories, policy=policies, data=st.data())
def test_order_means_nothing(listings: list[BackupListing], policy: Policy, data: st.DataObject) -> None:
    """The same backups in another order get the same decisions, in the same order."""
    shuffled = data.draw(st.permutations(listings))
    assert decide(shuffled, Policies(policy), NOW) == decide(listings, Policies(policy), NOW)


@given(listings=repositories, minimum=st.integers(1, 3), now=ages.map(lambda age: NOW + age))
def test_no_rules_keep_everything(listings: list[BackupListing], minimum: int, now: datetime) -> None:
    """A policy with nothing but a minimum removes nothing, whatever the time is."""
    assert staying(listings, Policy(keep_minimum=minimum), now) == {(one.table, one.tag) for one in listings}


@given(listings=repositories, policy=policies.filter(lambda policy: len(policy.rules()) > 1), data=st.data())
def test_a_stronger_rule_never_removes_more(listings: list[BackupListing], policy: Policy, data: st.DataObject) -> None:
    """Where one rule keeps more or is added to others, everything stays that stayed before."""
    rule = data.draw(st.sampled_from(["keep_minimum", *RULES]))
    more: Any = timedelta(days=3) if rule == "keep_within" else data.draw(st.integers(1, 3))
    stronger = replace(policy, **{rule: (getattr(policy, rule) or more - more) + more})
    assert staying(listings, policy) <= staying(listings, stronger)


@given(listings=repositories, policy=policies, later=st.integers(0, 1000))
def test_what_has_to_go_never_comes_back_into_favour(listings: list[BackupListing], policy: Policy, later: int) -> None:
    """As time goes by and nothing new comes, no rule wants again what none wanted before."""
    past = [one for one in listings if one.snapshot_at <= NOW]
    assert staying(past, policy, NOW + timedelta(hours=later)) <= staying(past, policy)


@given(listings=repositories, policy=policies)
def test_groups_mean_nothing_to_each_other(listings: list[BackupListing], policy: Policy) -> None:
    """A table that was dropped and made again, or another table, changes nothing for a table's own backups."""
    together = staying(listings, policy)
    alone = [
        staying([one for one in listings if (one.table, one.id) == group], policy)
        for group in {(one.table, one.id) for one in listings}
    ]
    assert together == set().union(*alone)


@given(listings=repositories, policy=policies)
def test_every_decision_has_its_reasons(listings: list[BackupListing], policy: Policy) -> None:
    """There is one decision on each backup, and never one without words."""
    decisions = decide(listings, Policies(policy), NOW)
    assert sorted(d.listing.tag for d in decisions) == sorted(one.tag for one in listings)
    assert all(decision.reasons and all(decision.reasons) for decision in decisions)


@pytest.mark.parametrize(
    ("policy", "days", "reasons"),
    [
        (Policy(keep_last=2), (0, 1, 2), ("minimum 1 of 1", "last 1 of 2")),
        (Policy(keep_within=timedelta(days=7)), (0, 7), ("minimum 1 of 1", "within 7d")),
        (Policy(keep_daily=14), (2.1, 2.2), ("minimum 1 of 1", "daily 1 of 14 (2026-11-20)")),
        (Policy(keep_hourly=1), (0.01,), ("minimum 1 of 1", "hourly 1 of 1 (2026-11-22 12:00 UTC)")),
        (Policy(keep_weekly=1), (0,), ("minimum 1 of 1", "weekly 1 of 1 (2026-W47)")),
        (Policy(keep_monthly=1), (0,), ("minimum 1 of 1", "monthly 1 of 1 (2026-11)")),
        (Policy(keep_yearly=2), (0,), ("minimum 1 of 1", "yearly 1 of 2 (2026)")),
        (Policy(), (400,), ("no rule is set: everything stays",)),
        (Policy(keep_last=1), (-1,), ("from the future: not counted while its time hasn't come",)),
    ],
)
def test_what_stays_says_why(policy: Policy, days: tuple[float, ...], reasons: tuple[str, ...]) -> None:
    """The newest backup stays for reasons in words, with its place and its period."""
    decision = by_tag(days_ago(*days), policy)["1"]
    assert (decision.keep, decision.reasons) == (True, reasons)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Policy(keep_last=3), "not of the last 3"),
        (Policy(keep_within=timedelta(days=7)), "older than 7d"),
        (Policy(keep_monthly=2), "before the newest 2 months with a backup"),
    ],
)
def test_what_goes_says_why(policy: Policy, reason: str) -> None:
    """A backup that goes says of each rule why it doesn't want it."""
    decision = by_tag(days_ago(0, 30, 60, 90), policy)["4"]
    assert (decision.keep, decision.reasons) == (False, ("not of the minimum 1", reason))


def test_a_day_keeps_its_newest_backup() -> None:
    """Of several backups of a day the newest stays, and the others say which day it was."""
    decisions = by_tag(days_ago(2.1, 2.2), Policy(keep_daily=14))
    assert decisions["2"].reasons == ("not of the minimum 1", "not the newest of 2026-11-20")


@pytest.mark.parametrize("status", [BackupStatus.DAMAGED, BackupStatus.UNVERIFIED])
def test_what_is_no_good_backup_neither_counts_nor_goes(status: BackupStatus) -> None:
    """Damaged backups and the predecessor's take nobody's place, and stay."""
    good = days_ago(3, 4, 5)
    bad = [replace(one, status=status, tag=f"bad{one.tag}") for one in days_ago(0, 1, 300)]
    decisions = by_tag(good + bad, Policy(keep_last=2))
    assert [tag for tag, decision in decisions.items() if not decision.keep] == ["3"]
    assert "never counted, never removed by prune" in decisions["bad1"].reasons[0]


def test_backups_from_the_future_take_nobodys_place() -> None:
    """After the clock was set back, old backups with later times stay, and the new ones aren't pushed out by them."""
    future = [replace(one, tag=f"future{one.tag}") for one in days_ago(-5000, -1)]
    decisions = by_tag([*future, *days_ago(0, 1)], Policy(keep_last=1))
    assert {tag for tag, decision in decisions.items() if decision.keep} == {"future1", "future2", "1"}


def test_held_backups_stay_and_count() -> None:
    """A held backup stays beside its rules, and is one of the last three as any other is."""
    listings = [*days_ago(0, 1, 2), replace(days_ago(50)[0], tag="held", hold=HOLD)]
    listings[0] = replace(listings[0], hold=HOLD)
    decisions = by_tag(listings, Policy(keep_last=2))
    assert {tag for tag, decision in decisions.items() if decision.keep} == {"1", "2", "held"}
    assert decisions["held"].reasons == ("held by alice since 2026-11-22: before the migration",)
    assert decisions["1"].reasons == ("minimum 1 of 1", "last 1 of 2", str(HOLD))


def test_a_dropped_table_keeps_its_minimum() -> None:
    """However old it is, and however many backups the table of the same name has that came after it."""
    former = [replace(one, id=IDS[1], tag=f"former{one.tag}") for one in days_ago(900, 901)]
    decisions = by_tag([*days_ago(*range(20)), *former], Policy(keep_within=timedelta(days=2)))
    assert {tag for tag, decision in decisions.items() if decision.keep} == {"1", "2", "3", "former1"}


def test_periods_are_those_of_utc() -> None:
    """Two backups of one UTC day are of one day, whatever the offset of their times is."""
    late = datetime.fromisoformat("2026-11-20T23:30:00+00:00")
    other = datetime.fromisoformat("2026-11-21T03:00:00+05:00")
    kept = staying([listing(late, tag="1"), listing(other, tag="2")], Policy(keep_daily=5))
    assert kept == {("users", "1")}


def test_weeks_are_those_of_iso_8601() -> None:
    """The last days of December and the first of January can be one week."""
    december, january = datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    kept = staying([listing(december, tag="1"), listing(january, tag="2")], Policy(keep_weekly=5))
    assert kept == {("users", "2")}


def test_a_duration_longer_than_all_calendars_keeps_everything() -> None:
    """Ages are compared, not dates that would lie before the first year."""
    assert len(staying(days_ago(0, 4000), Policy(keep_within=timedelta(days=900_000_000)))) == 2


def test_the_first_override_that_names_a_table_counts() -> None:
    """A table gets the first policy that names it, wholly, else the default; case counts."""
    first, second, default = Policy(keep_last=1), Policy(keep_last=2), Policy(keep_daily=3)
    both = Policies(default, (TablePolicy(("users", "tmp_*"), first), TablePolicy(("*s", "tmp_a"), second)))
    names = ("users", "tmp_a", "orders", "Users", "tmp", "TMP_a")
    assert [both.of(name) for name in names] == [first, first, second, second, default, default]


@pytest.mark.parametrize("rule", ["keep_last", "keep_hourly", "keep_yearly", "keep_minimum"])
@pytest.mark.parametrize("count", [0, -1])
def test_a_rule_that_keeps_nothing_is_refused(rule: str, count: int) -> None:
    """No policy can be made that wants less than one backup."""
    with pytest.raises(ValueError, match="at least 1"):
        Policy(**{rule: count})
