"""Examples: `schedule`, `schedule --count 3 --settings new.toml`, `schedule --at 2027-03-28 --json`."""

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from backup_core.clock import SystemClock
from backup_core.errors import BackupError, RunCancelledError
from backup_core.events import SilentReporter
from backup_core.table_id import get_all_tables
from daemon.invocation import Invocation
from daemon.moments import moment
from daemon.schedules import Schedule, schedules
from daemon.settings_schedules import What
from daemon.signals import cancelling
from daemon.wiring import node_context


MOST_TIMES = 1000

_Names = dict[What, tuple[str, ...] | None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("--count", type=_count, default=5, metavar="N", help="so many times of each schedule")
    parser.add_argument("--at", type=moment, metavar="TIME", help="the next ones after that date or time, UTC")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Print when each schedule of the settings fires next, and which tables it would take now."""
    found, output, count = schedules(invocation.settings), invocation.output, invocation.arguments.count
    after = invocation.arguments.at or SystemClock().now()
    names = _names_by_kind(invocation, {schedule.what for schedule in found})
    if invocation.arguments.json:
        output.json([_as_json(schedule, schedule.next_times(count, after), names) for schedule in found])
    elif found:
        output.table(("schedule", "what", "when", "tables"), [_row(schedule, names) for schedule in found])
        output.data("")
        output.table(("schedule", "next", "tag"), _times(found, after, count))
    else:
        output.message(f"{invocation.settings_path} has no schedules: add a [schedule.NAME] with cron or every.")
    return 0


def _names_by_kind(invocation: Invocation, kinds: set[What]) -> _Names:
    """The tables that each kind of work chooses from: those of the node for a backup, those that have backups else."""
    names: _Names = {}
    if "backup" in kinds:
        names["backup"] = _asked(invocation, _on_node)
    if others := kinds - {"backup"}:
        names |= dict.fromkeys(others, _asked(invocation, _stored))
    return names


def _asked(invocation: Invocation, ask: Callable[[Invocation], tuple[str, ...]]) -> tuple[str, ...] | None:
    """The answer; None, and a line about it, if there is none now."""
    try:
        with cancelling(invocation.cancel):
            return ask(invocation)
    except RunCancelledError:
        raise
    except BackupError as error:
        invocation.output.warning(f"WARNING - Tables are shown as the settings name them: {error}")
        return None


def _on_node(invocation: Invocation) -> tuple[str, ...]:
    with node_context(invocation.settings, SilentReporter(), invocation.cancel) as context:
        return get_all_tables(context)


def _stored(invocation: Invocation) -> tuple[str, ...]:
    names: set[str] = set()
    for repository in invocation.repositories(SilentReporter()):
        repository.open_read_only()
        names.update(listing.table for listing in repository.backups())
    return tuple(sorted(names))


def _row(schedule: Schedule, names: _Names) -> tuple[str, ...]:
    return (schedule.name, schedule.what, str(schedule.trigger), _tables(schedule, names[schedule.what]))


def _tables(schedule: Schedule, names: tuple[str, ...] | None) -> str:
    if names is None:
        excluded = f" but not {', '.join(schedule.exclude)}" if schedule.exclude else ""
        return f"{', '.join(schedule.tables)}{excluded}"
    selected = schedule.select(names)
    return f"{len(selected)} of {len(names)}{': ' if selected else ''}{', '.join(selected)}"


def _times(found: Sequence[Schedule], after: datetime, count: int) -> list[tuple[str, ...]]:
    return [
        (schedule.name, str(time.astimezone(schedule.timezone)), str(int(time.timestamp())))
        for schedule in found
        for time in schedule.next_times(count, after)
    ]


def _as_json(schedule: Schedule, times: Sequence[datetime], names: _Names) -> dict[str, Any]:
    """A schedule, for programs; `would_take` is null where nobody could be asked."""
    known = names[schedule.what]
    return {
        "schedule": schedule.name,
        "what": schedule.what,
        "when": str(schedule.trigger),
        "timezone": str(schedule.timezone),
        "tables": schedule.tables,
        "exclude": schedule.exclude,
        "splay_seconds": schedule.splay.total_seconds(),
        "catch_up": schedule.catch_up,
        "would_take": None if known is None else schedule.select(known),
        "next": [time.isoformat() for time in times],
    }


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_TIMES:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_TIMES}")
    return int(text)
