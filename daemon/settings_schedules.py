"""What `[schedule.NAME]` in settings.toml can say: when, which tables, and what is done with them."""

from datetime import UTC, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from backup_core.durations import parse_duration
from backup_core.repository.verification import DEEP, SHALLOW, Depth
from daemon.settings import Section, from_text, readable_by
from daemon.triggers import CronTrigger, IntervalTrigger, timezone_named


What = Literal["backup", "verify", "drill", "prune"]
"""What a schedule does with its tables."""

NO_SPLAY = "0s"

DEEP_WORD, SHALLOW_WORD = "deep", "shallow"


def parse_splay(text: str) -> timedelta:
    """Read a splay: a duration, or `0s` for none. Raises ValueError if it is neither."""
    return timedelta() if text.strip() == NO_SPLAY else parse_duration(text)


def parse_share(text: str) -> Depth:
    """Read how large a sample is: a percentage such as `5%`. Raises ValueError if it is none, or nothing, or all."""
    number, sign, rest = text.strip().partition("%")
    if not sign or rest or not number.strip().replace(".", "", 1).isdecimal() or not 0 < float(number) < 100:  # noqa: PLR2004
        raise ValueError(f"{text!r} is no percentage between 0% and 100%, such as 5%")
    return Depth(float(number) / 100)


def parse_depth(text: str) -> Depth:
    """Read how deep a schedule verifies: `deep`, `shallow`, or a sample. Raises ValueError if it is none of these."""
    known = {DEEP_WORD: DEEP, SHALLOW_WORD: SHALLOW}
    try:
        return known.get(text.strip()) or parse_share(text)
    except ValueError as error:
        raise ValueError(f"{error}, nor {DEEP_WORD} or {SHALLOW_WORD}") from error


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
    depth: Annotated[str, readable_by(parse_depth)] = Field(
        default=DEEP_WORD,
        description="of a verify: deep (every byte), shallow (names and sizes), or a sample such as 5%, which has read "
        "everything in time",
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
