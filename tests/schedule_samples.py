"""Schedules for tests, as settings make them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.schedules import Schedule, schedules
from daemon.settings_file import build_settings


def made(**tables: dict[str, Any]) -> tuple[Schedule, ...]:
    """Schedules of these `[schedule.NAME]` tables."""
    return schedules(
        build_settings(
            {"repository": {"local": {"path": "backups"}}, "schedule": tables}, source="settings.toml", base=Path("/")
        )
    )


def schedule(name: str = "nightly", **settings: Any) -> Schedule:
    """One schedule; at 02:00 UTC if nothing else is said."""
    rule = {} if "every" in settings else {"cron": "0 2 * * *"}
    [one] = made(**{name: rule | settings})
    return one


def utc(text: str) -> datetime:
    """A time in UTC: `2026-11-22T02:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
