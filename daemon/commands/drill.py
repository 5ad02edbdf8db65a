"""Examples: `drill` (whichever table's turn it is), `drill users`, `drill 'user*' --exclude users_old --json`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase

from backup_core.clock import SystemClock
from backup_core.context import Context
from backup_core.errors import BackupError, NotFoundError, RunCancelledError, StepError
from backup_core.events import DRILL_FAILED
from backup_core.restore.drill_results import DrillResult, drill_error, drill_fields
from backup_core.sizes import parse_size
from daemon.drill_pages import drill_lines
from daemon.drills import Drills, drill_requests
from daemon.invocation import Invocation, add_identity_argument
from daemon.reporting import reporting
from daemon.schedules import schedules
from daemon.signals import cancelling
from daemon.wiring import node_context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help="tables or patterns to choose from; all with backups if left out"
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="tables to leave out")
    parser.add_argument(
        "--max-size", type=_size, metavar="SIZE", help="largest backup to take, 0 for any; else limits.drill_size"
    )
    add_identity_argument(parser)
    parser.add_argument("--requested", action="store_true", help="what the daemon has asked for; for root's unit only")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Restore the newest backup of one table under a scratch name, prove it, and leave nothing but what came of it."""
    with (
        cancelling(invocation.cancel),
        reporting(invocation.output, SystemClock(), invocation.settings.log) as reporter,
        _table_to_drill(invocation) as requested,
        node_context(invocation.settings, reporter, invocation.cancel, identities=invocation.identities) as context,
    ):
        if invocation.arguments.requested and requested is None:
            invocation.output.message("Nobody has asked for a drill.")
            return 0
        drills = Drills(invocation.settings, context)
        table = _choose(invocation, drills, [requested] if requested is not None else None)
        return _drill(invocation, context, drills, table)


@contextmanager
def _table_to_drill(invocation: Invocation) -> Iterator[str | None]:
    """The table that the daemon has asked for, if that is what this is about."""
    if not invocation.arguments.requested:
        yield None
        return
    with drill_requests(invocation.settings).taken(schedules(invocation.settings)) as request:
        yield request.table if request is not None else None


def _choose(invocation: Invocation, drills: Drills, requested: list[str] | None) -> str:
    """The table whose turn it is.

    Raises:
        NotFoundError: there is none.
    """
    arguments = invocation.arguments
    choice = drills.choose(requested or _matching(invocation, drills.tables()), most_bytes=arguments.max_size)
    for table in choice.too_large:
        invocation.output.message(f"Left out: {table}, whose newest backup is larger than a drill may be.")
    if choice.table is None:
        raise NotFoundError(
            "There is no table to drill.", hint="It needs a complete backup, no larger than limits.drill_size."
        )
    return choice.table


def _matching(invocation: Invocation, names: tuple[str, ...]) -> list[str]:
    arguments = invocation.arguments
    patterns = arguments.tables or ["*"]
    return [
        name
        for name in names
        if any(fnmatchcase(name, pattern) for pattern in patterns)
        and not any(fnmatchcase(name, pattern) for pattern in arguments.exclude)
    ]


def _drill(invocation: Invocation, context: Context, drills: Drills, table: str) -> int:
    try:
        result = drills.make(table)
    except RunCancelledError:
        raise
    except BackupError as error:
        if isinstance(error, StepError):
            invocation.output.traceback(error)
        return _failed(context, table, error)
    _print(invocation, result)
    problem = drill_error(result)
    return 0 if problem is None else _failed(context, table, problem)


def _failed(context: Context, table: str, error: BackupError) -> int:
    context.reporter.failure(DRILL_FAILED, error, table=table)
    return error.exit_code


def _print(invocation: Invocation, result: DrillResult) -> None:
    if invocation.arguments.json:
        invocation.output.json(drill_fields(result))
        return
    for line in drill_lines(result):
        invocation.output.data(line)


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
