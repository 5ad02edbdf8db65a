"""Examples: `copy users --from local --to offsite`, `copy users 1733313018 --from a --to b`, `copy --all ...`.

Without TAG, every complete backup that the other repository hasn't got. No node is needed.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from backup_core.clock import SystemClock
from backup_core.copying.context import CopyContext
from backup_core.copying.tables import Outcome, copy_table
from backup_core.errors import BackupError, RunCancelledError, StepError, StorageError, batch_exit_code
from backup_core.events import COPY_FAILED, Reporter
from backup_core.floor import Floor
from backup_core.repository.protocol import Repository
from backup_core.sizes import human_size
from daemon.invocation import Invocation, add_identity_argument
from daemon.reporting import reporting
from daemon.repositories import named_backups, opened, require_repository
from daemon.signals import cancelling
from daemon.state import state_directory
from daemon.wiring import table_locks, throttle


WRONG_USAGE = 2
SPOOL_NAME = "spool"
"""In the state directory: what is being unpacked."""

COLUMNS = ("table", "tag", "from", "to", "result", "size", "sent", "detail")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", nargs="?", metavar="TABLE", help="table, case-sensitive")
    parser.add_argument("tag", nargs="?", metavar="TAG", help="one backup; all that are missing there if left out")
    parser.add_argument("--all", action="store_true", help="backups of all tables")
    parser.add_argument("--from", dest="source", metavar="REPOSITORY", required=True, help="where they are")
    parser.add_argument("--to", dest="target", metavar="REPOSITORY", required=True, help="where they are to be as well")
    parser.add_argument(
        "--spool",
        type=Path,
        metavar="DIR",
        help="where to unpack what both store differently; else below the state",
    )
    add_identity_argument(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Copy backups, newest first; what is there already stays as it is, and what isn't complete isn't copied."""
    arguments, output = invocation.arguments, invocation.output
    problem = _wrong_usage(arguments)
    if problem:
        output.error(f"alternator-backup copy: {problem}")
        return WRONG_USAGE
    for name in (arguments.source, arguments.target):
        require_repository(invocation.settings, name)
    with (
        cancelling(invocation.cancel),
        reporting(output, SystemClock(), invocation.settings.log) as reporter,
    ):
        outcomes: list[Outcome] = []
        errors = _copy(invocation, reporter, outcomes)
    _print(invocation, outcomes)
    failed = [each.error for each in outcomes if each.error is not None and each.result == "failed"]
    return batch_exit_code([*errors, *failed], some_succeeded=len(failed) < len(outcomes))


def _wrong_usage(arguments: argparse.Namespace) -> str:
    """What is wrong with the arguments together; empty if nothing is."""
    if bool(arguments.table) == arguments.all:
        return "name a table, or say --all."
    if arguments.source == arguments.target:
        return "--from and --to are the same repository."
    return ""


def _copy(invocation: Invocation, reporter: Reporter, outcomes: list[Outcome]) -> list[BackupError]:
    """Copy one table after the other; what has ended the work on one, or on all of a host."""
    arguments, errors = invocation.arguments, list[BackupError]()
    sources = opened(invocation.repositories(reporter, (arguments.source,)))
    found = list(named_backups(sources, arguments.table, arguments.tag))
    for source, of_host in groupby(found, key=lambda each: each[0]):
        with _told(invocation, reporter, errors):
            context = _context(invocation, reporter, source)
            for table, of_table in groupby((listing for _, listing in of_host), key=lambda listing: listing.table):
                with _told(invocation, reporter, errors, table):
                    copy_table(context, list(of_table), outcomes.append, required=arguments.tag is not None)
    return errors


@contextmanager
def _told(invocation: Invocation, reporter: Reporter, errors: list[BackupError], table: str = "") -> Iterator[None]:
    """What ends the block is told, and doesn't stop what follows it."""
    try:
        yield
    except RunCancelledError:
        raise
    except BackupError as error:
        reporter.failure(COPY_FAILED, error, repository=invocation.arguments.target, table=table)
        if isinstance(error, StepError):
            invocation.output.traceback(error)
        errors.append(error)


def _context(invocation: Invocation, reporter: Reporter, source: Repository) -> CopyContext:
    """Where copies of one host's backups go, which is made for that host if it isn't there.

    Raises:
        StorageError: only the predecessor has written to the source.
        ForeignRepositoryError: the target is another host's.
        BackupError: as the target refuses.
    """
    settings, cancel, marker = invocation.settings, invocation.cancel, source.open_read_only()
    if marker is None:
        raise StorageError(
            f"{source.address} has only what the predecessor left, and nothing tells what that should hold",
            hint="Take a backup, and copy that.",
        )
    target = invocation.repository_of_host(invocation.arguments.target, marker.host_id, reporter)
    target.open(marker.host_id, marker.cluster)
    target.clear_up()
    return CopyContext(
        source=source,
        target=target,
        locks=table_locks(settings, cancel),
        floor=Floor.parse(settings.limits.min_free_space),
        throttle=throttle(settings, cancel),
        spool=invocation.arguments.spool or state_directory(settings) / SPOOL_NAME,
        clock=SystemClock(),
        reporter=reporter,
        cancel=cancel,
    )


def _print(invocation: Invocation, outcomes: list[Outcome]) -> None:
    arguments, output = invocation.arguments, invocation.output
    entries = [_as_json(arguments.source, arguments.target, each) for each in outcomes]
    if arguments.json:
        output.json(entries)
    elif entries:
        output.table(COLUMNS, [_row(entry) for entry in entries])
    else:
        output.message(f"There is nothing in {arguments.source} to copy.")


def _as_json(source: str, target: str, outcome: Outcome) -> dict[str, Any]:
    listing, copy = outcome.listing, outcome.copy
    return {
        "table": listing.table,
        "tag": listing.tag,
        "from": source,
        "to": target,
        "result": outcome.result,
        "size_bytes": copy.size_bytes if copy else None,
        "sent_bytes": copy.sent_bytes if copy else None,
        "location": copy.location if copy else None,
        "detail": outcome.error.message if outcome.error else "",
    }


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    sizes = ("" if entry[key] is None else human_size(entry[key]) for key in ("size_bytes", "sent_bytes"))
    return (*(entry[key] for key in ("table", "tag", "from", "to", "result")), *sizes, entry["detail"])
