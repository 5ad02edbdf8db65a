"""What `[schedule.NAME]` in settings.toml can say: when, which tables, and what is done with them."""

from datetime import UTC, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backup_core.durations import parse_duration
from daemon.settings import Section, from_text, readable_by
from daemon.triggers import CronTrigger, IntervalTrigger, timezone_named


What = Literal["backup", "verify", "drill", "prune"]
"""What a schedule does with its tables."""

NO_SPLAY = "0s"


def parse_splay(text: str) -> timedelta:
    """Read a splay: a duration, or `0s` for none. Raises ValueError if it is neither."""
    return timedelta() if text.strip() == NO_SPLAY else parse_duration(text)


Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], from_text(",")]


class ScheduleSettings(Section):
    """`[schedule.NAME]`: a job that the daemon does by itself."""

    cron: Annotated[str, readable_by(lambda text: CronTrigger.parse(text, UTC))] | None = Field(
        default=None, description="when, as in a crontab: five fields, or @daily and the like; this or every"
    )
    every: Annotated[str, readable_by(IntervalTrigger.parse)] | None = Field(
        default=None, description="how often, counted from 1970-01-01 00:00 UTC: 15m, 6h, 1d; this or cron"
    )
    timezone: Annotated[str, readable_by(timezone_named)] = Field(
        default="UTC", description="IANA name of the timezone that cron is read in, such as Europe/Berlin"
    )
    tables: Patterns = Field(
        default=("*",), min_length=1, description="names, or patterns with *, ? and [...]; case counts"
    )
    exclude: Patterns = Field(default=(), description="tables to leave out all the same, likewise")
    what: What = Field(
        default="backup",
        description="what is done with them: backup, verify, drill (one of them each time), prune",
    )
    splay: Annotated[str, readable_by(parse_splay)] = Field(
        default=NO_SPLAY,
        description="each node waits for its own share of this time before it stores; snapshots are taken at once",
    )
    catch_up: bool = Field(default=True, description="run once at start if it came due while the daemon was down")

    @model_validator(mode="after")
    def _has_one_rule(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise ValueError("give either cron or every")
        return self
