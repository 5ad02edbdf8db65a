"""Examples: `forget users` (asks), `forget users --yes`, `forget users --id 220f8fd0aca211f0af61efb5703633f5 --yes`."""

import argparse
from collections.abc import Iterable

from backup_core.clock import SystemClock
from backup_core.events import Reporter
from backup_core.lock import TableLocks
from backup_core.repository.forgetting import forget, forgettable
from backup_core.repository.listing import BackupListing
from backup_core.repository.local import LocalRepository
from backup_core.sizes import human_size
from daemon.confirmation import can_ask, confirmed
from daemon.invocation import Invocation
from daemon.reporting import reporting
from daemon.repositories import answers, repositories
from daemon.wiring import state_directory


WRONG_USAGE, DECLINED = 2, 1

_Chosen = list[tuple[LocalRepository, tuple[BackupListing, ...]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", metavar="TABLE", help="table, case-sensitive")
    parser.add_argument("--id", metavar="TABLE_ID", help="only backups of the table that had this id")
    parser.add_argument("--yes", action="store_true", help="remove without asking for the table's name")


def run(invocation: Invocation) -> int:
    """Remove all backups of a table from every repository, and with the last one the table's directory."""
    arguments, output, settings = invocation.arguments, invocation.output, invocation.settings
    if not (arguments.yes or can_ask()):
        output.error("alternator-backup forget: say --yes to remove backups without being asked.")
        return WRONG_USAGE
    with reporting(output, SystemClock(), settings.log) as reporter:
        chosen = _chosen(invocation, reporter)
        if not arguments.yes and not confirmed(output, _question(arguments.table, chosen), expected=arguments.table):
            output.message("Nothing was removed.")
            return DECLINED
        with TableLocks(state_directory(settings) / "locks").hold(arguments.table):
            for repository, listings in chosen:
                for path in forget(repository, listings, reporter):
                    output.warning(f"{path} isn't a backup: it stays.")
    return 0


def _chosen(invocation: Invocation, reporter: Reporter) -> _Chosen:
    """What goes from each repository that has something of it; nothing is removed if anything of it is held.

    Raises:
        NotFoundError: none has; as the last one says it.
        StorageError: one of them is held.
    """
    arguments = invocation.arguments
    stored_in = repositories(invocation.settings, reporter)
    return list(answers(stored_in, lambda repository: forgettable(repository, arguments.table, arguments.id)))


def _question(table: str, chosen: _Chosen) -> str:
    parts = [f"{_sum(listings)} from {repository.name}" for repository, listings in chosen]
    return f"Remove all backups of {table} for good: {', '.join(parts)}?"


def _sum(listings: Iterable[BackupListing]) -> str:
    sizes = [listing.size_bytes for listing in listings]
    return f"{len(sizes)} ({human_size(sum(sizes))})"
