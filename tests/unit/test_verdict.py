"""What `check` makes of what it finds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.journal import JournalEntry
from backup_core.repository.listing import BackupListing, BackupStatus
from daemon.history_reading import Remembered
from daemon.history_records import Outcome, PastRun, TableError
from daemon.monitoring.evidence import Evidence
from daemon.monitoring.freshness import State, Thresholds, age_text
from daemon.monitoring.nagios import Figure, line
from daemon.monitoring.verdict import Verdict, judge
from daemon.schedules import Schedule
from daemon.settings_schedules import What
from tests.history_samples import run
from tests.listing_samples import NOW, listing
from tests.schedule_samples import made


THRESHOLDS = Thresholds(timedelta(hours=26), timedelta(hours=50))


def evidence(stored: dict[str, dict[str, list[BackupListing]]], **more: Any) -> Evidence:
    """Evidence of what repositories have, and more."""
    return Evidence(now=NOW, stored=stored, **more)


def ages(**hours: float) -> dict[str, dict[str, list[BackupListing]]]:
    """One repository with a backup of each table, so many hours old."""
    return {"local": {table: [listing(timedelta(hours=age))] for table, age in hours.items()}}


def verdict(found: Evidence, **more: Any) -> Verdict:
    """The verdict with the usual thresholds."""
    return judge(found, THRESHOLDS, **more)


def states(found: Verdict) -> dict[str, State]:
    """The state of each table that was judged."""
    return {table.good.table: table.state for table in found.tables}


def error(hours_ago: float, *, since: float | None = None, what: Any = "backup", table: str = "users") -> TableError:
    """A failure so many hours ago, and a success so many."""
    return TableError(
        table=table,
        what=what,
        run_id="a",
        tag="1",
        outcome=Outcome.FAILED,
        started_at=NOW - timedelta(hours=hours_ago),
        failed_at=NOW - timedelta(hours=hours_ago),
        error="node down",
        succeeded_at=None if since is None else NOW - timedelta(hours=since),
    )


def schedule(tables: tuple[str, ...], what: What = "backup") -> tuple[Schedule, ...]:
    """A schedule."""
    return made(nightly={"every": "1d", "tables": tables, "what": what})


def test_damage_is_critical_until_there_is_a_newer_good_backup() -> None:
    """A good one from before the damage was found may need the same objects; one that was made since doesn't."""
    hours = timedelta(hours=1)
    found_at = NOW - 2 * hours
    damaged = replace(
        listing(20 * hours, BackupStatus.DAMAGED), problem="read back: 1-Data.db is missing", damaged_at=found_at
    )
    before, since = listing(3 * hours), listing(hours)
    found = verdict(evidence({"offsite": {"users": [before, damaged]}}))
    assert found.state is State.CRITICAL
    assert [problem.text for problem in found.problems] == [
        f"users/{damaged.tag} in offsite is damaged: read back: 1-Data.db is missing"
    ]
    assert verdict(evidence({"offsite": {"users": [since, before, damaged]}})).state is State.OK
    two = verdict(evidence({"offsite": {"users": [before, damaged, damaged]}, "local": {"users": [since]}}))
    assert "and 1 more of its backups" in two.problems[0].text
    assert verdict(evidence({"offsite": {"users": [before, damaged]}}), exclude=["u*"]).state is not State.OK


def test_the_worst_table_decides() -> None:
    """And it comes first."""
    found = verdict(evidence(ages(users=1, votes=27, birds=51)))
    assert found.state is State.CRITICAL
    assert list(states(found).items()) == [
        ("birds", State.CRITICAL),
        ("votes", State.WARNING),
        ("users", State.OK),
    ]
    assert [problem.text for problem in found.problems] == [
        "birds: last good backup in local 2d 3h ago",
        "votes: last good backup in local 1d 3h ago",
    ]


def test_named_tables_are_judged_alone() -> None:
    """Others are nobody's concern then, and a named one without any backup is critical."""
    found = evidence(ages(users=1, votes=99))
    assert states(verdict(found, named=["users"])) == {"users": State.OK}
    assert states(verdict(found, named=["nobody", "users"])) == {"nobody": State.CRITICAL, "users": State.OK}


def test_excluded_tables_are_left_out() -> None:
    """By patterns."""
    assert states(verdict(evidence(ages(users=1, tmp_a=99)), exclude=["tmp_*"])) == {"users": State.OK}


def test_dropped_tables_are_left_out_where_the_node_tells() -> None:
    """Their last backups stay, and get older; without the node nobody knows that they were dropped."""
    assert states(verdict(evidence(ages(users=1, gone=99), on_node=("users",)))) == {"users": State.OK}
    assert states(verdict(evidence(ages(users=1, gone=99))))["gone"] is State.CRITICAL


def test_a_new_table_is_a_warning_until_a_backup_fails() -> None:
    """A table that was made today has had no chance yet; one whose backups fail has."""
    new = evidence(ages(users=1), on_node=("new", "users"))
    failing = evidence(
        ages(users=1), on_node=("new", "users"), history=Remembered(last_errors=(error(1, table="new"),))
    )
    assert states(verdict(new))["new"] is State.WARNING
    assert states(verdict(failing))["new"] is State.CRITICAL


def test_only_tables_that_a_schedule_takes_are_missed() -> None:
    """Where there are schedules for backups; what has backups is judged whether one takes it or not."""
    found = {"on_node": ("new", "tmp_a", "users"), "schedules": schedule(("new",))}
    assert states(verdict(evidence(ages(users=99), **found))) == {"users": State.CRITICAL, "new": State.WARNING}
    found["schedules"] = schedule(("new",), "prune")
    assert set(states(verdict(evidence(ages(users=99), **found)))) == {"new", "tmp_a", "users"}


def test_nothing_at_all_is_critical() -> None:
    """Unless the node has no tables."""
    assert verdict(evidence({"local": {}})).state is State.CRITICAL
    assert verdict(evidence({"local": {}}, on_node=("users",))).state is State.CRITICAL
    assert verdict(evidence({"local": {}}, on_node=())).state is State.OK


def test_each_repository_has_to_have_the_table() -> None:
    """One that has none is named."""
    found = verdict(evidence({**ages(users=1), "offsite": {}}))
    assert [problem.text for problem in found.problems] == ["users: no good backup in offsite"]
    assert found.state is State.CRITICAL


def test_a_repository_that_cannot_be_read_leaves_it_unknown() -> None:
    """What is known to be critical stays so."""
    assert verdict(evidence(ages(users=1), unread=("offsite: no",))).state is State.UNKNOWN
    assert verdict(evidence({}, unread=("local: no",))).state is State.UNKNOWN
    assert verdict(evidence(ages(users=99), unread=("offsite: no",))).state is State.CRITICAL


@pytest.mark.parametrize(
    ("failed", "age", "failures"),
    [
        pytest.param(error(2), 5, 1, id="last attempt failed"),
        pytest.param(error(5), 2, 0, id="backup by hand since"),
        pytest.param(error(5, since=3), 8, 0, id="success since"),
        pytest.param(error(5, what="verify"), 2, 1, id="a new backup mends no verification"),
        pytest.param(error(2, table="gone"), 5, 0, id="of a table that isn't judged"),
    ],
)
def test_failures_count_until_something_came_right(failed: TableError, age: float, failures: int) -> None:
    """A failure is a warning; the age alone makes it critical."""
    found = verdict(evidence(ages(users=age), history=Remembered(last_errors=(failed,))))
    assert found.failures == failures
    assert found.state is (State.WARNING if failures else State.OK)


@pytest.mark.parametrize(("outcome", "failures"), [(Outcome.FAILED, 1), (Outcome.INCOMPLETE, 0)])
def test_a_run_that_never_came_to_its_tables_is_a_failure(outcome: Outcome, failures: int) -> None:
    """As long as it is the last one of a schedule that there is."""
    past = PastRun(run("a"), None, outcome, "the node is down", 0, 0)
    history = Remembered(last_judged={"nightly": past, "removed": past})
    found = verdict(evidence(ages(users=1), history=history, schedules=schedule(("*",))))
    assert found.failures == failures
    assert [problem.text for problem in found.problems] == ["schedule nightly failed: the node is down"][:failures]


def test_what_else_is_wrong_is_a_warning() -> None:
    """Snapshots that were left behind, settings that couldn't be reloaded, a history that can't be read."""
    entry = JournalEntry("1733313018", "users", "220f8fd0aca211f0af61efb5703633f5", "alternator_users")
    for more in (
        {"stale": (entry,)},
        {"reload_error": "no TOML"},
        {"history": Remembered(problem="can't be read")},
        {"missing": ("The repository offsite isn't there",)},
        {"broken_entries": ("The journal of snapshots holds 1-x.json, which is none of its entries.",)},
    ):
        found = verdict(evidence(ages(users=1), **more))
        assert (found.state, len(found.problems)) == (State.WARNING, 1)


listings = st.builds(listing, st.timedeltas(timedelta(), timedelta(days=9)), st.sampled_from(BackupStatus))
stored_tables = st.dictionaries(
    st.sampled_from(("users", "votes", "birds")),
    st.lists(
        st.builds(listing, st.timedeltas(timedelta(), timedelta(days=9)), st.sampled_from(BackupStatus)), max_size=4
    ),
)


@given(
    stored=st.dictionaries(st.sampled_from(("local", "offsite")), stored_tables, min_size=1),
    on_node=st.none() | st.lists(st.sampled_from(("users", "votes", "new")), unique=True).map(tuple),
)
def test_no_old_backup_is_ever_called_ok(
    stored: dict[str, dict[str, list[BackupListing]]], on_node: tuple[str, ...] | None
) -> None:
    """If the verdict is OK, every repository has a complete, recent backup of every table that is on the node."""
    found = verdict(evidence(stored, on_node=on_node))
    if found.state is State.OK:
        tables = {name for backups in stored.values() for name in backups} if on_node is None else set(on_node)
        for backups in stored.values():
            for name in tables:
                assert any(
                    entry.status is BackupStatus.COMPLETE and NOW - entry.snapshot_at <= THRESHOLDS.warn
                    for entry in backups[name]
                )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3600, "1h 0m"), (93600, "1d 2h"), (90000000, "1041d 16h")],
)
def test_ages_are_told_in_two_units(seconds: float, text: str) -> None:
    """As people read them."""
    assert age_text(timedelta(seconds=seconds)) == text


def test_the_line_is_one_line_with_figures_after_the_only_bar() -> None:
    """Whatever stands in an error; a table without a backup has no value."""
    text = line(
        State.WARNING,
        ["a | b\nc", "x" * 300, *"defg"],
        "7 tables checked",
        [Figure("failures", 2, warn=0), Figure("age_users", None, "s", 60, 120)],
    )
    said, _, figures = text.partition("|")
    assert said == f"ALTERNATOR BACKUP WARNING - a / b c; {'x' * 200}...; d; e; f; and 1 more; 7 tables checked "
    assert figures == " 'failures'=2;0;;0 'age_users'=U;60;120;0"
