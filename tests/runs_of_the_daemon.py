"""Runs as the daemon tells of them, for those who hear of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.history_records import Outcome, RunRecord, TableRecord
from daemon.settings_file import Settings, build_settings


DUE_AT = datetime(2026, 11, 22, 2, tzinfo=UTC)


def settings(**sections: Mapping[str, Any]) -> Settings:
    """Settings with a repository `local` and schedules `nightly` and `hourly`."""
    values = {
        "repository": {"local": {"path": "/srv/backups"}},
        "schedule": {"nightly": {"cron": "0 2 * * *"}, "hourly": {"every": "1h"}},
    }
    return build_settings(values | sections, source="settings.toml", base=Path("/srv"))


def run(run_id: str = "r1", *schedules: str, **changes: Any) -> RunRecord:
    """A backup of the night of `DUE_AT`."""
    values = {
        "run_id": run_id,
        "what": "backup",
        "tag": str(int(DUE_AT.timestamp())),
        "schedules": schedules or ("nightly",),
        "nominal_at": DUE_AT,
        "started_at": DUE_AT + timedelta(seconds=1),
    }
    return RunRecord(**(values | changes))


def table(name: str, outcome: Outcome = Outcome.SUCCEEDED, **changes: Any) -> TableRecord:
    """What came of a table in `r1`."""
    values = {
        "run_id": "r1",
        "table": name,
        "outcome": outcome,
        "started_at": DUE_AT,
        "finished_at": DUE_AT + timedelta(minutes=5),
        "error": "" if outcome is Outcome.SUCCEEDED else f"{name} is broken.",
    }
    return TableRecord(**(values | changes))
