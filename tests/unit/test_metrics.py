"""Metrics of runs, schedules and what happens, as Prometheus sees them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from backup_core import events
from backup_core.errors import NodeUnavailableError, SettingsError, SourceError
from daemon.health import HealthServer
from daemon.history_records import Outcome, PastRun
from daemon.metrics import FAILURES, WARNINGS, Metrics
from tests.documents import ROOT
from tests.runs_of_the_daemon import DUE_AT, run, settings
from tests.scrape import Samples, scrape
from tests.stepped_clock import SteppedClock


NIGHTLY = '{schedule="nightly"}'
ENDED = DUE_AT.timestamp() + 90


@dataclass
class Bench:
    """Metrics, their clock, and the server that shows them."""

    clock: SteppedClock
    metrics: Metrics
    server: HealthServer

    def scrape(self) -> Samples:
        """What Prometheus sees."""
        return scrape(self.server.address)

    def complete(self, outcome: Outcome, *schedules: str, run_id: str = "r1", **took: float) -> None:
        """A run from its beginning to its end."""
        self.metrics.run_started(run(run_id, *schedules), ("users",))
        self.metrics.run_finished(run_id, outcome, self.clock.step(**took))


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A daemon's metrics at the time when its nightly run is due."""
    clock = SteppedClock(f"{DUE_AT:%Y-%m-%dT%H:%M}")
    metrics = Metrics(settings(), clock)
    server = HealthServer(("127.0.0.1", 0), metrics.registry, tuple)
    yield Bench(clock, metrics, server)
    server.close()


def test_every_name_has_the_prefix(bench: Bench) -> None:
    """All that is shown is ours, and says so."""
    assert [series for series in bench.scrape() if not series.startswith("alternator_backup_")] == []


def test_schedules_are_there_before_their_first_run(bench: Bench) -> None:
    """Each schedule has every series from the start, and says that nothing is known of its runs yet."""
    samples = bench.scrape()
    assert samples[f"alternator_backup_last_success_timestamp_seconds{NIGHTLY}"] == 0
    assert samples[f"alternator_backup_last_run_timestamp_seconds{NIGHTLY}"] == 0
    assert samples.is_nan(f"alternator_backup_last_run_success{NIGHTLY}")
    assert samples.is_nan(f"alternator_backup_last_run_duration_seconds{NIGHTLY}")
    assert samples.of("alternator_backup_runs_total") == {
        f'outcome="{outcome}",schedule="{name}"': 0 for outcome in Outcome for name in ("nightly", "hourly")
    }
    assert samples.of("alternator_backup_schedule_missed_total") == {
        f'reason="{reason}",schedule="{name}"': 0
        for reason in ("missed", "skipped", "failed")
        for name in ("nightly", "hourly")
    }


def test_a_run_that_succeeds(bench: Bench) -> None:
    """Time, duration and outcome of a run are told for its schedule, and for no other."""
    bench.complete(Outcome.SUCCEEDED, seconds=90)
    samples = bench.scrape()
    assert samples[f"alternator_backup_last_success_timestamp_seconds{NIGHTLY}"] == ENDED
    assert samples[f"alternator_backup_last_run_timestamp_seconds{NIGHTLY}"] == ENDED
    assert samples[f"alternator_backup_last_run_success{NIGHTLY}"] == 1
    assert samples[f"alternator_backup_last_run_duration_seconds{NIGHTLY}"] == 90
    assert samples[f"alternator_backup_run_duration_seconds_count{NIGHTLY}"] == 1
    assert samples['alternator_backup_runs_total{outcome="succeeded",schedule="nightly"}'] == 1
    assert samples['alternator_backup_runs_total{outcome="succeeded",schedule="hourly"}'] == 0


@pytest.mark.parametrize("outcome", [Outcome.INCOMPLETE, Outcome.FAILED, Outcome.CANCELLED])
def test_a_run_that_does_not_succeed(bench: Bench, outcome: Outcome) -> None:
    """What is no full success leaves the time of the last one alone."""
    bench.complete(Outcome.SUCCEEDED, seconds=90)
    bench.complete(outcome, seconds=10)
    samples = bench.scrape()
    assert samples[f"alternator_backup_last_success_timestamp_seconds{NIGHTLY}"] == ENDED
    assert samples[f"alternator_backup_last_run_timestamp_seconds{NIGHTLY}"] == ENDED + 10
    assert samples[f"alternator_backup_last_run_success{NIGHTLY}"] == 0
    assert samples[f'alternator_backup_runs_total{{outcome="{outcome}",schedule="nightly"}}'] == 1


def test_a_run_of_two_schedules_counts_for_both(bench: Bench) -> None:
    """Schedules that share a run have both run."""
    bench.complete(Outcome.SUCCEEDED, "nightly", "hourly", seconds=1)
    success = bench.scrape().of("alternator_backup_last_run_success")
    assert success == {'schedule="nightly"': 1, 'schedule="hourly"': 1}


def test_runs_under_way_are_counted(bench: Bench) -> None:
    """The number of runs goes up when one begins, and down when it ends."""
    bench.metrics.run_started(run("r1"), ())
    bench.metrics.run_started(run("r2", what="verify"), ())
    assert bench.scrape()["alternator_backup_run_in_progress"] == 2
    bench.metrics.run_finished("r1", Outcome.FAILED, bench.clock.now())
    assert bench.scrape()["alternator_backup_run_in_progress"] == 1


def test_the_history_is_taken_over(bench: Bench) -> None:
    """After a restart the last run of each schedule is what it was before."""
    finished_at = DUE_AT - timedelta(hours=23)
    past = run(started_at=finished_at - timedelta(seconds=30))
    interrupted = PastRun(run("r2", "hourly"), None, Outcome.INTERRUPTED, "", 0, 0)
    bench.metrics.recall([PastRun(past, finished_at, Outcome.SUCCEEDED, "", 1, 0), interrupted], {}.get)
    samples = bench.scrape()
    assert samples[f"alternator_backup_last_success_timestamp_seconds{NIGHTLY}"] == finished_at.timestamp()
    assert samples[f"alternator_backup_last_run_duration_seconds{NIGHTLY}"] == 30
    assert samples['alternator_backup_last_run_success{schedule="hourly"}'] == 0


def test_a_reload_changes_the_schedules(bench: Bench) -> None:
    """A schedule that is gone has no series any more, a new one has all, one that stays keeps what it had."""
    bench.complete(Outcome.SUCCEEDED, "nightly", "hourly", seconds=90)
    bench.metrics.apply(settings(schedule={"nightly": {"cron": "0 3 * * *"}, "weekly": {"cron": "@weekly"}}))
    samples = bench.scrape()
    assert [series for series in samples if "hourly" in series] == []
    assert samples[f"alternator_backup_last_run_success{NIGHTLY}"] == 1
    assert samples['alternator_backup_last_run_timestamp_seconds{schedule="weekly"}'] == 0


def test_a_run_of_a_schedule_that_is_gone_ends_unseen(bench: Bench) -> None:
    """A run may outlive its schedule, and so may the news that it was missed."""
    bench.metrics.run_started(run("r1", "hourly"), ())
    bench.metrics.apply(settings(schedule={}))
    bench.metrics.run_finished("r1", Outcome.SUCCEEDED, bench.clock.now())
    bench.metrics.warning(events.SCHEDULE_MISSED, schedule="hourly", nominal_at=DUE_AT, replaced_by=None)
    samples = bench.scrape()
    assert [series for series in samples if "hourly" in series] == []
    assert samples["alternator_backup_run_in_progress"] == 0


def test_missed_times_are_counted_by_reason(bench: Bench) -> None:
    """What APScheduler says of a time that went by is a metric."""
    bench.metrics.warning(events.SCHEDULE_MISSED, schedule="nightly", nominal_at=DUE_AT, replaced_by=None)
    bench.metrics.warning(events.SCHEDULE_SKIPPED, schedule="nightly", nominal_at=DUE_AT)
    bench.metrics.failure(events.SCHEDULE_FAILED, RuntimeError(), schedule="hourly")
    missed = bench.scrape().of("alternator_backup_schedule_missed_total")
    assert {series for series, count in missed.items() if count} == {
        'reason="missed",schedule="nightly"',
        'reason="skipped",schedule="nightly"',
        'reason="failed",schedule="hourly"',
    }


def test_the_reload_result_is_told(bench: Bench) -> None:
    """Settings that can't be loaded show until some can; the time is that of the last good ones."""
    reload, reloaded_at = (f"alternator_backup_settings_last_reload_success{end}" for end in ("", "_timestamp_seconds"))
    assert bench.scrape()[reload] == 1
    bench.clock.step(minutes=1)
    bench.metrics.failure(events.SETTINGS_RELOAD_FAILED, SettingsError("settings.toml is no TOML."))
    assert (bench.scrape()[reload], bench.scrape()[reloaded_at]) == (0, DUE_AT.timestamp())
    bench.clock.step(minutes=1)
    bench.metrics.event(events.SETTINGS_RELOADED)
    assert (bench.scrape()[reload], bench.scrape()[reloaded_at]) == (1, DUE_AT.timestamp() + 120)


def test_warnings_and_errors_are_counted_by_event(bench: Bench) -> None:
    """Each line of the log at these levels counts, one with a name of its own from its first time on."""
    bench.metrics.warning(events.SNAPSHOT_LATE, table="users", tag="1", error="late")
    bench.metrics.failure(events.TABLE_FAILED, SourceError("broken"), table="users", tag="1")
    bench.metrics.failure("meteor.struck", SourceError("broken"))
    samples = bench.scrape()
    assert samples['alternator_backup_warnings_total{event="snapshot.late"}'] == 1
    assert samples['alternator_backup_warnings_total{event="hook.failed"}'] == 0
    assert samples['alternator_backup_failures_total{event="table.failed"}'] == 1
    assert samples['alternator_backup_failures_total{event="meteor.struck"}'] == 1


def test_every_warning_and_error_of_the_code_is_counted_from_the_start() -> None:
    """No event that is told as a warning or a failure has its first time missed by `increase`."""
    told: dict[str, set[str]] = {"warning": set(), "failure": set()}
    for path in [*(ROOT / "backup_core").rglob("*.py"), *(ROOT / "daemon").glob("*.py")]:
        for level, name in re.findall(r"eporter\.(warning|failure)\(\s*([A-Z][A-Z_]+)", path.read_text()):
            told[level].add(getattr(events, name))
    assert told["warning"] - set(WARNINGS) == set()
    assert told["failure"] - set(FAILURES) == set()


def test_retries_are_counted(bench: Bench) -> None:
    """What is tried once more counts, be it a table or a run."""
    bench.metrics.warning(events.TABLE_RETRIED, table="users", error="down")
    bench.metrics.failure(events.RUN_FAILED, NodeUnavailableError("down"))
    assert bench.scrape().of("alternator_backup_retries_total") == {'operation="table"': 1, 'operation="run"': 0}


def test_steps_are_timed(bench: Bench) -> None:
    """The duration of each step goes into a histogram."""
    bench.metrics.event(events.STEP_FINISHED, step="store", table="users", duration_seconds=7.5)
    samples = bench.scrape()
    assert samples['alternator_backup_step_duration_seconds_sum{step="store"}'] == 7.5
    assert samples['alternator_backup_step_duration_seconds_bucket{le="15.0",step="store"}'] == 1
    assert samples['alternator_backup_step_duration_seconds_count{step="snapshot"}'] == 0


def test_bytes_are_counted_by_repository(bench: Bench) -> None:
    """What a repository takes and what retention removes add up."""
    published = {"table": "users", "tag": "1", "repository": "local", "location": "x"}
    for _ in range(2):
        bench.metrics.event(events.BACKUP_PUBLISHED, **published, size_bytes=300, plain_size_bytes=1000)
    bench.metrics.event(events.BACKUP_REMOVED, repository="local", table="users", tag="1", size_bytes=300, reason="old")
    samples = bench.scrape()
    repository = '{repository="local"}'
    assert samples[f"alternator_backup_source_bytes_total{repository}"] == 2000
    assert samples[f"alternator_backup_stored_bytes_total{repository}"] == 600
    assert samples[f"alternator_backup_removed_backups_total{repository}"] == 1
    assert samples[f"alternator_backup_removed_bytes_total{repository}"] == 300


def test_the_build_and_the_start_are_told(bench: Bench) -> None:
    """Version and start of the daemon are there."""
    samples = bench.scrape()
    assert samples["alternator_backup_start_time_seconds"] == DUE_AT.timestamp()
    assert re.fullmatch(r'python="3\.\S+",version="\d\S+"', next(iter(samples.of("alternator_backup_build_info"))))
