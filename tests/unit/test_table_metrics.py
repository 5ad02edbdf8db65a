"""Metrics of single tables, and of those beyond the limit together."""

import math
from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from daemon.history_records import Outcome
from daemon.table_metrics import OTHERS, TableMetrics
from tests.runs_of_the_daemon import DUE_AT, table


SUCCESS = "alternator_backup_table_last_success_timestamp_seconds"
FINISHED = (DUE_AT + timedelta(minutes=5)).timestamp()


def values(metrics: TableMetrics, name: str) -> Mapping[str, float]:
    """Values of a family, by the table."""
    registry = CollectorRegistry()
    registry.register(metrics)
    return {
        sample.labels["table"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_a_covered_table_is_there_before_its_first_backup() -> None:
    """A table that was never backed up has its series, and an alert can see that."""
    metrics = TableMetrics(10)
    metrics.cover(["users"])
    assert values(metrics, SUCCESS) == {"users": 0}
    assert math.isnan(values(metrics, "alternator_backup_table_last_run_success")["users"])


def test_a_failure_leaves_the_last_success_alone() -> None:
    """When a backup fails, wholly or in one repository, its age goes on growing."""
    for outcome in (Outcome.FAILED, Outcome.INCOMPLETE):
        metrics = TableMetrics(10)
        metrics.finished(table("users"))
        metrics.finished(table("users", outcome, finished_at=DUE_AT + timedelta(days=1)))
        assert values(metrics, SUCCESS) == {"users": FINISHED}
        assert values(metrics, "alternator_backup_table_last_run_success") == {"users": 0}


def test_a_dropped_table_goes() -> None:
    """A table that is no longer covered raises no alarm for ever; one that stays keeps what it had."""
    metrics = TableMetrics(10)
    metrics.cover(["users", "orders"])
    metrics.finished(table("users"))
    metrics.cover(["users", "new"])
    assert values(metrics, SUCCESS) == {"users": FINISHED, "new": 0}


def test_the_history_is_asked_for_tables_that_come_to_be_covered() -> None:
    """After a restart a table's last success is what it was before, and one that came since stays."""
    metrics = TableMetrics(10)
    metrics.recall({"users": DUE_AT, "orders": DUE_AT}.get)
    metrics.finished(table("orders"))
    metrics.cover(["users", "orders", "new"])
    assert values(metrics, SUCCESS) == {"users": DUE_AT.timestamp(), "orders": FINISHED, "new": 0}


def test_sizes_are_told_for_each_repository() -> None:
    """The last backup's size is there as it was read, and as each repository has it."""
    metrics = TableMetrics(10)
    metrics.stored("users", "local", source_bytes=1000, stored_bytes=300)
    metrics.stored("users", "offsite", source_bytes=1000, stored_bytes=200)
    registry = CollectorRegistry()
    registry.register(metrics)
    assert registry.get_sample_value("alternator_backup_table_source_bytes", {"table": "users"}) == 1000
    labels = {"table": "users", "repository": "offsite"}
    assert registry.get_sample_value("alternator_backup_table_stored_bytes", labels) == 200


def test_tables_beyond_the_limit_are_one_series() -> None:
    """The others show the worst of them: the oldest success, a failure if there is one, the sum of the sizes."""
    metrics = TableMetrics(1)
    metrics.cover(["users", "orders", "carts", "logs"])
    metrics.finished(table("orders"))
    metrics.finished(table("carts", Outcome.FAILED))
    metrics.finished(table("logs", finished_at=DUE_AT))
    metrics.stored("orders", "local", source_bytes=1000, stored_bytes=300)
    metrics.stored("logs", "local", source_bytes=100, stored_bytes=30)
    assert values(metrics, SUCCESS) == {"users": 0, OTHERS: 0}
    assert values(metrics, "alternator_backup_table_last_run_success")[OTHERS] == 0
    assert values(metrics, "alternator_backup_table_source_bytes")[OTHERS] == 1100
    assert values(metrics, "alternator_backup_table_stored_bytes") == {OTHERS: 330}


def test_the_limit_can_change() -> None:
    """A reload gives more or fewer tables series of their own."""
    metrics = TableMetrics(0)
    metrics.cover(["users", "orders"])
    assert set(values(metrics, SUCCESS)) == {OTHERS}
    metrics.limit(2)
    assert set(values(metrics, SUCCESS)) == {"users", "orders"}


NAMES = st.sampled_from([f"t{number}" for number in range(6)])
STEPS = st.one_of(
    st.tuples(st.just("cover"), st.lists(NAMES, unique=True)),
    st.tuples(st.sampled_from(["succeeded", "failed"]), NAMES),
)


@given(limit=st.integers(0, 7), steps=st.lists(STEPS, max_size=30))
def test_no_table_is_lost_and_none_shines_for_another(limit: int, steps: list[tuple[str, str | list[str]]]) -> None:
    """At most `limit` tables have their own series, and that of the rest is as old as the oldest of them."""
    metrics = TableMetrics(limit)
    expected: dict[str, float] = {}
    for number, (step, subject) in enumerate(steps):
        finished_at = DUE_AT + timedelta(hours=number)
        if step == "cover":
            metrics.cover(subject)
            expected = {name: expected.get(name, 0) for name in sorted(subject)}
        else:
            metrics.finished(table(str(subject), Outcome(step), finished_at=finished_at))
            expected.setdefault(str(subject), 0)
            if step == "succeeded":
                expected[str(subject)] = finished_at.timestamp()
    found = dict(values(metrics, SUCCESS))
    others = found.pop(OTHERS, None)
    assert len(found) == min(limit, len(expected))
    assert found.items() <= expected.items()
    rest = [success for name, success in expected.items() if name not in found]
    assert others == (min(rest) if rest else None)
