"""How old the last good backup is, and what is to be thought of that, over any backups."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from backup_core.repository.listing import BackupListing, BackupStatus
from daemon.monitoring.freshness import CLOCK_TOLERANCE, State, Thresholds, last_good, worst
from tests.listing_samples import NOW, listing


ages = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=900))
statuses = st.sampled_from(BackupStatus)
not_complete = st.sampled_from((BackupStatus.DAMAGED, BackupStatus.UNVERIFIED))
listings = st.lists(st.builds(listing, ages, statuses), max_size=8)
repositories = st.dictionaries(st.sampled_from(("local", "offsite", "nas")), listings, min_size=1)


@given(age=ages, warn=ages, more=ages)
def test_an_age_is_judged_by_both_thresholds(age: timedelta, warn: timedelta, more: timedelta) -> None:
    """Critical exactly above the critical age, else a warning exactly above that for warnings."""
    state = Thresholds(warn, warn + more).judge(age)
    assert (state is State.CRITICAL) == (age > warn + more)
    assert (state is State.OK) == (age <= warn)


@given(younger=ages, older=ages, warn=ages, more=ages)
def test_getting_older_never_makes_it_better(
    younger: timedelta, older: timedelta, warn: timedelta, more: timedelta
) -> None:
    """The state grows with the age."""
    thresholds = Thresholds(warn, warn + more)
    assert thresholds.judge(min(younger, older)) <= thresholds.judge(max(younger, older))


@given(stored=repositories)
def test_the_age_is_that_of_the_repository_furthest_behind(stored: dict[str, list[BackupListing]]) -> None:
    """Each repository counts with its newest complete backup; one that has none makes the age unknown."""
    good = last_good("users", stored, NOW)
    newest = {
        name: [NOW - found.snapshot_at for found in listings if found.status is BackupStatus.COMPLETE]
        for name, listings in stored.items()
    }
    expected = None if not all(newest.values()) else max(min(found) for found in newest.values())
    assert good.age == expected
    of_repository = newest[good.repository]
    assert good.age == (min(of_repository) if of_repository else None)
    assert good.snapshot_at == (None if good.age is None else NOW - good.age)


@given(
    stored=repositories,
    extra=st.builds(listing, ages, st.sampled_from((BackupStatus.DAMAGED, BackupStatus.UNVERIFIED))),
)
def test_what_is_not_complete_never_counts(stored: dict[str, list[BackupListing]], extra: BackupListing) -> None:
    """A damaged backup, or one of which nobody knows what it should hold, changes nothing."""
    with_extra = {name: [*listings, extra] for name, listings in stored.items()}
    assert last_good("users", with_extra, NOW) == last_good("users", stored, NOW)


@given(stored=repositories, ahead=st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=900)))
def test_a_backup_from_the_future_hides_nothing(stored: dict[str, list[BackupListing]], ahead: timedelta) -> None:
    """A clock that was wrong for a day must not keep the check quiet for years."""
    with_future = {name: [listing(-CLOCK_TOLERANCE - ahead), *listings] for name, listings in stored.items()}
    assert last_good("users", with_future, NOW) == last_good("users", stored, NOW)


@given(ahead=st.timedeltas(min_value=timedelta(), max_value=CLOCK_TOLERANCE))
def test_clocks_may_differ_a_little(ahead: timedelta) -> None:
    """A backup of just now, by a clock that is ahead, has no negative age."""
    assert last_good("users", {"local": [listing(-ahead)]}, NOW).age == timedelta()


@given(states=st.lists(st.sampled_from(State)))
def test_the_worst_state_counts(states: list[State]) -> None:
    """Critical before unknown before warning before ok; nothing at all is ok."""
    expected = next((state for state in (State.CRITICAL, State.UNKNOWN, State.WARNING) if state in states), State.OK)
    assert worst(states) is expected
