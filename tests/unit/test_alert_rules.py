"""The alert rules: they name metrics that there are, and Prometheus's own tool finds them right."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backup_core.journal import Journal
from backup_core.restore.drill_results import DrillRecords
from daemon.drill_metrics import DrillMetrics
from daemon.live_metrics import LiveMetrics
from daemon.metrics import Metrics
from tests.documents import ROOT
from tests.runs_of_the_daemon import settings
from tests.stepped_clock import SteppedClock


RULES = ROOT / "deploy" / "prometheus" / "alternator-backup.rules.yml"
TESTS = RULES.with_suffix(".test.yml")
ALERTS = {rule.partition("\n")[0]: rule for rule in RULES.read_text().split("- alert: ")[1:]}

COVERED = {
    "a backup that is too old": "AlternatorBackupTooOld",
    "a table without a backup": "AlternatorBackupNever",
    "a run that fails": "AlternatorBackupRunFailing",
    "a reload that fails": "AlternatorBackupReloadFailed",
    "a daemon that is down": "AlternatorBackupDown",
    "stale snapshots": "AlternatorBackupStaleSnapshots",
    "a schedule that was missed": "AlternatorBackupScheduleMissed",
    "a drill that fails": "AlternatorBackupDrillFailing",
    "drills that stop": "AlternatorBackupDrillTooOld",
}

promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def metric_names(tmp_path: Path) -> set[str]:
    """Names of all metrics that a daemon has."""
    metrics = Metrics(settings(), SteppedClock("2026-11-22T00:00"))
    metrics.registry.register(LiveMetrics(dict, Journal(tmp_path)))
    metrics.registry.register(DrillMetrics(DrillRecords(tmp_path)))
    families = {family.name: family.type for family in metrics.registry.collect()}
    return {f"{name}_total" if kind == "counter" else name for name, kind in families.items()}


@pytest.mark.parametrize("name", COVERED.values(), ids=COVERED)
def test_there_is_an_alert_for(name: str) -> None:
    """What stops backups, or makes them worthless, raises an alert."""
    assert name in ALERTS


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_is_whole(name: str) -> None:
    """Each has an expression, a severity, a summary that names the machine, and says what to do; and a test."""
    assert re.search(r"^        expr: \S", ALERTS[name], re.MULTILINE)
    assert re.search(r"^          severity: (?:critical|warning)$", ALERTS[name], re.MULTILINE)
    assert re.search(r"^          summary: .*\$labels\.instance", ALERTS[name], re.MULTILINE)
    assert re.search(r'^          description: ".+"$', ALERTS[name], re.MULTILINE)
    assert name in TESTS.read_text() or name.removeprefix("AlternatorBackup") in re.findall(r"\w+", TESTS.read_text())


def test_the_metrics_that_they_name_are_there(tmp_path: Path) -> None:
    """No alert waits for a metric that doesn't exist."""
    named = {name for rule in (RULES, TESTS) for name in re.findall(r"alternator_backup_\w+", rule.read_text())}
    assert named - metric_names(tmp_path) == set()


@promtool
def test_promtool_accepts_them() -> None:
    """The file is what Prometheus reads."""
    subprocess.run(["promtool", "check", "rules", RULES], check=True, capture_output=True)


@promtool
def test_promtool_finds_that_they_fire_when_they_should() -> None:
    """The rules' own tests pass: each alert comes when it should, and not before."""
    done = subprocess.run(["promtool", "test", "rules", TESTS], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
