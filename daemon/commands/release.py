"""Examples: `release users 1733313018`."""

import argparse

from backup_core.clock import SystemClock
from backup_core.events import BACKUP_RELEASED
from daemon.commands.hold import everywhere
from daemon.invocation import Invocation
from daemon.reporting import reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", metavar="TABLE", help="table, case-sensitive")
    parser.add_argument("tag", metavar="TAG", help="its backup, as `list` names it")


def run(invocation: Invocation) -> int:
    """Release a backup in every repository that has it; removing nothing by itself."""
    released = False
    with reporting(invocation.output, SystemClock(), invocation.settings.log) as reporter:
        for repository, listing in everywhere(invocation, reporter):
            hold = repository.release(listing)
            if hold is not None:
                released = True
                reporter.event(
                    BACKUP_RELEASED, repository=repository.name, table=listing.table, tag=listing.tag, hold=str(hold)
                )
    if not released:
        invocation.output.message(f"{invocation.arguments.table}/{invocation.arguments.tag} was not on hold.")
    return 0
