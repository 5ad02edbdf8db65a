"""Examples: `backup users orders`, `backup --all`, `backup -- -a-name-with-a-dash`."""

import argparse

from backup_core.clock import SystemClock
from backup_core.context import Context
from backup_core.errors import NotFoundError, StepError, batch_exit_code
from backup_core.model import RunResult
from backup_core.pipeline import backup_tables
from backup_core.repository.layout import is_tag
from backup_core.sizes import human_size
from backup_core.table_id import get_all_tables
from daemon.invocation import Invocation
from daemon.output import Output
from daemon.reporting import reporting
from daemon.signals import cancelling
from daemon.wiring import node_context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="tables to back up, case-sensitive")
    parser.add_argument("--all", action="store_true", help="all Alternator tables of the node")
    parser.add_argument("--tag", type=_tag, help="name of the run: Unix time in digits; the current second by default")
    parser.add_argument(
        "--wait",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="wait so long for a table that another run has, instead of ending with 11 at once",
    )


def run(invocation: Invocation) -> int:
    """Back up, and print where each backup is."""
    arguments = invocation.arguments
    if bool(arguments.tables) == arguments.all:
        invocation.output.error("alternator-backup backup: name tables, or say --all.")
        return 2
    settings = invocation.settings
    with (
        cancelling(invocation.cancel),
        reporting(invocation.output, SystemClock(), settings.log) as reporter,
        node_context(settings, reporter, invocation.cancel, lock_wait_seconds=arguments.wait) as context,
    ):
        result = backup_tables(context, arguments.tables or all_tables(context), arguments.tag)
    return print_result(invocation.output, result)


def all_tables(context: Context) -> tuple[str, ...]:
    """Names of all tables.

    Raises:
        NotFoundError: there is none.
    """
    names = get_all_tables(context)
    if not names:
        raise NotFoundError(
            "No tables found.", hint="Is Alternator enabled on this node, and has anybody created a table?"
        )
    return names


def print_result(output: Output, result: RunResult) -> int:
    """Print what came of a run, and return its exit code."""
    rows = [
        (backup.table.name, backup.tag, backup.repository, human_size(backup.size_bytes), backup.location)
        for table in result.succeeded
        for backup in table.stored
    ]
    if rows:
        output.table(("table", "tag", "repository", "size", "location"), rows)
    if result.failed:
        total = len(result.succeeded) + len(result.failed)
        names = ", ".join(failure.table_name for failure in result.failed)
        output.message(f"{len(result.failed)} of {total} tables failed: {names}")
    for failure in result.failed:
        if isinstance(failure.error, StepError):
            output.traceback(failure.error)
    return batch_exit_code((failure.error for failure in result.failed), some_succeeded=bool(result.succeeded))


def _tag(text: str) -> str:
    if not is_tag(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no Unix time in digits")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds
