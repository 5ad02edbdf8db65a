"""What docs/monitoring.md says, held against the metrics that there are and what hooks are told."""

import re
import sys
from pathlib import Path

from backup_core.events import SilentReporter
from backup_core.journal import Journal
from backup_core.restore.drill_results import DrillRecords
from daemon.drill_metrics import DrillMetrics
from daemon.history_records import Outcome
from daemon.hook_command import INHERITED
from daemon.hooks import Hooks
from daemon.live_metrics import LiveMetrics
from daemon.metrics import Metrics
from daemon.settings_observability import HooksSettings
from tests.documents import document
from tests.runs_of_the_daemon import DUE_AT, run, settings, table
from tests.stepped_clock import SteppedClock


PAGE = document("docs/monitoring.md")


def told_metrics() -> dict[str, set[str]]:
    """Labels of each metric of the page, by its name."""
    rows = re.findall(r"^\| `(alternator_backup_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def shown_metrics(directory: Path) -> dict[str, set[str]]:
    """The same of a daemon."""
    metrics = Metrics(settings(), SteppedClock("2026-11-22T00:00"))
    metrics.registry.register(LiveMetrics(lambda: {"nightly": DUE_AT}, Journal(directory)))
    metrics.registry.register(DrillMetrics(DrillRecords(directory)))
    metrics.run_started(run(), ("users",))
    metrics.table_finished(table("users"))
    published = {"table": "users", "tag": "1", "repository": "local", "location": "x"}
    metrics.event("backup.published", **published, size_bytes=300, plain_size_bytes=1000)
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    return found


def test_the_page_lists_exactly_the_metrics_that_there_are(tmp_path: Path) -> None:
    """Each metric stands there with its labels, and none that doesn't exist."""
    assert told_metrics() == shown_metrics(tmp_path)


def test_the_page_lists_exactly_what_hooks_are_told(tmp_path: Path) -> None:
    """Each variable of a command's environment stands there, and none that it doesn't get."""
    code = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(' '.join(os.environ))"
    command = (sys.executable, "-c", code, str(tmp_path / "seen"))
    hooks = Hooks(HooksSettings(command=command, at=("failure",)), SilentReporter())
    hooks.run_started(run(), ("users",))
    hooks.run_finished("r1", Outcome.FAILED, DUE_AT, "broken")
    hooks.close(20)
    seen = {name for name in (tmp_path / "seen").read_text().split() if name.startswith("ALTERNATOR_BACKUP_")}
    assert set(re.findall(r"^\| `(ALTERNATOR_BACKUP_HOOK_\w+)` \|", PAGE, re.MULTILINE)) == seen


def test_the_page_lists_exactly_what_hooks_inherit() -> None:
    """The variables that pass from the daemon to a command are those that the page names."""
    sentence = re.search(r"Its environment has (.+?) of the daemon", PAGE, re.DOTALL)
    assert sentence is not None
    assert tuple(re.findall(r"`(\w+)`", sentence[1])) == INHERITED
