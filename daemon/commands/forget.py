"""Examples: `forget users` (asks), `forget users --yes`, `forget users --id 220f8fd0aca211f0af61efb5703633f5 --yes`."""

import argparse
from collections.abc import Iterable

from backup_core.clock import SystemClock
from backup_core.events import Reporter
from backup_core.repository.forgetting import forget, forgettable
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from backup_core.sizes import human_size
from daemon.confirmation import can_ask, confirmed
from daemon.invocation import Invocation
from daemon.reporting import reporting
from daemon.repositories import answers
from daemon.repository_ownership import add_host_arguments, removable
from daemon.wiring import table_locks


WRONG_USAGE, DECLINED = 2, 1

_Chosen = list[tuple[Repository, tuple[BackupListing, ...]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", metavar="TABLE", help="table, case-sensitive")
    parser.add_argument("--id", metavar="TABLE_ID", help="only backups of the table that had this id")
    parser.add_argument(
        "--tag", metavar="TAG", help="only this backup, as one that is damaged, which prune never takes"
    )
    add_host_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="remove without asking for the table's name")


def run(invocation: Invocation) -> int:
    """Remove backups of a table from every repository, and with the last one what else is kept of the table."""
    arguments, output, settings = invocation.arguments, invocation.output, invocation.settings
    if not (arguments.yes or can_ask()):
        output.error("alternator-backup forget: say --yes to remove backups without being asked.")
        return WRONG_USAGE
    with reporting(output, SystemClock(), settings.log) as reporter:
        chosen = _chosen(invocation, reporter)
        if not arguments.yes and not confirmed(output, _question(arguments, chosen), expected=arguments.table):
            output.message("Nothing was removed.")
            return DECLINED
        with table_locks(settings, invocation.cancel).hold(arguments.table):
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
    table, table_id, tag = (getattr(invocation.arguments, name) for name in ("table", "id", "tag"))
    stored_in = removable(invocation, reporter)
    return list(answers(stored_in, lambda repository: forgettable(repository, table, table_id, tag)))


def _question(arguments: argparse.Namespace, chosen: _Chosen) -> str:
    parts = [f"{_sum(listings)} from {repository.name}" for repository, listings in chosen]
    what = f"backup {arguments.tag}" if arguments.tag else "all backups"
    return f"Remove {what} of {arguments.table} for good: {', '.join(parts)}?"


def _sum(listings: Iterable[BackupListing]) -> str:
    sizes = [listing.size_bytes for listing in listings]
    return f"{len(sizes)} ({human_size(sum(sizes))})"
