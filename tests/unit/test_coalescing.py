"""What is due becomes runs, in which each table stands once."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from backup_core.events import BACKUP_COALESCED, SCHEDULE_UNMATCHED
from daemon.coalescing import DueRun, DueTable, due_runs, due_tables
from daemon.schedules import WorkItem
from tests.repository_backups import HOST_ID, RecordingReporter
from tests.schedule_samples import schedule, utc


AT = utc("2026-11-22T02:00")
NIGHTLY = schedule("nightly", exclude=["tmp_*"])
HOURLY = schedule("hourly", every="1h", tables=["users", "orders"])
VERIFY = schedule("verify", what="verify")
PRUNE = schedule("prune", what="prune")
TABLES = ("orders", "tmp_a", "users", "votes")


def tables_of(run: DueRun, names: tuple[str, ...] = TABLES) -> tuple[tuple[DueTable, ...], RecordingReporter]:
    """The tables of a run, and what was told of them."""
    reporter = RecordingReporter()
    return due_tables(run, names, host_id=HOST_ID, reporter=reporter), reporter


def test_two_schedules_at_one_time_are_one_run() -> None:
    """With the tables of both, each once, and the names of all that asked for it."""
    [run] = due_runs([WorkItem(NIGHTLY, AT), WorkItem(HOURLY, AT)])
    tables, reporter = tables_of(run)

    assert (run.nominal_at, run.tag, run.what, run.schedules) == (AT, "1795312800", "backup", (NIGHTLY, HOURLY))
    assert [(table.name, table.schedules) for table in tables] == [
        ("orders", ("nightly", "hourly")),
        ("users", ("nightly", "hourly")),
        ("votes", ("nightly",)),
    ]
    assert reporter.events == [
        (BACKUP_COALESCED, {"table": name, "tag": "1795312800", "schedules": ("nightly", "hourly")})
        for name in ("orders", "users")
    ]


def test_other_times_and_other_work_are_runs_of_their_own() -> None:
    """The oldest first; at one time backups come before what looks at them, and that before what removes them."""
    items = [WorkItem(PRUNE, AT), WorkItem(VERIFY, AT), WorkItem(NIGHTLY, AT), WorkItem(PRUNE, AT - timedelta(hours=1))]
    runs = due_runs(items)

    assert [(run.what, run.nominal_at) for run in runs] == [
        ("prune", AT - timedelta(hours=1)),
        ("backup", AT),
        ("verify", AT),
        ("prune", AT),
    ]


def test_work_other_than_backups_is_merged_without_a_word() -> None:
    """Only backups are coalesced by name."""
    [run] = due_runs([WorkItem(PRUNE, AT), WorkItem(schedule("prune-too", what="prune"), AT)])
    tables, reporter = tables_of(run, ("users",))

    assert [(table.name, table.schedules) for table in tables] == [("users", ("prune", "prune-too"))]
    assert reporter.events == []


def test_a_schedule_without_tables_is_told() -> None:
    """The run is there all the same, with the tables of the others."""
    nobody = schedule("nobody", tables=["user"], exclude=["x"])
    [run] = due_runs([WorkItem(nobody, AT), WorkItem(HOURLY, AT)])
    tables, reporter = tables_of(run, ("users",))

    assert [table.name for table in tables] == ["users"]
    assert reporter.events == [
        (SCHEDULE_UNMATCHED, {"schedule": "nobody", "nominal_at": AT, "tables": ("user",), "exclude": ("x",)})
    ]
    assert tables_of(run, ())[0] == ()


def test_nobody_waits_longer_than_its_schedule_asks_for() -> None:
    """A table that a schedule without a splay asks for is stored at once, the others after this node's share."""
    spread = schedule("spread", splay="6h")
    [run] = due_runs([WorkItem(spread, AT), WorkItem(HOURLY, AT)])
    tables, _ = tables_of(run, ("users", "votes"))

    assert [(table.name, table.delay) for table in tables] == [
        ("users", timedelta()),
        ("votes", spread.delay_on(HOST_ID)),
    ]
    assert spread.delay_on(HOST_ID) > timedelta()


items = st.builds(
    lambda chosen, hour: WorkItem(chosen, AT + timedelta(hours=hour)),
    st.sampled_from([NIGHTLY, HOURLY, VERIFY, PRUNE]),
    st.integers(0, 3),
)


@given(st.lists(items), st.sets(st.sampled_from(TABLES)))
def test_everything_is_done_exactly_once(due: list[WorkItem], existing: set[str]) -> None:
    """Each table that a due schedule takes stands in exactly one run of that time and kind, and no other table does."""
    names = tuple(sorted(existing))
    done = Counter(
        (run.nominal_at, run.what, table.name) for run in due_runs(due) for table in tables_of(run, names)[0]
    )

    wanted = {(item.nominal_at, item.schedule.what, name) for item in due for name in item.schedule.select(names)}
    assert done == Counter(wanted)
    asked = {(run.nominal_at, asker) for run in due_runs(due) for asker in run.schedules}
    assert asked == {(item.nominal_at, item.schedule) for item in due}
