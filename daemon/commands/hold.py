"""Examples: `hold users 1733313018`, `hold users 1733313018 --reason "before the migration"`."""

import argparse
import os
import pwd

from backup_core.clock import SystemClock
from backup_core.errors import StorageError
from backup_core.events import BACKUP_HELD, Reporter
from backup_core.repository.holds import Hold
from backup_core.repository.layout import is_legacy_tag
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from daemon.invocation import Invocation
from daemon.reporting import reporting
from daemon.repositories import named_backups


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", metavar="TABLE", help="table, case-sensitive")
    parser.add_argument("tag", metavar="TAG", help="its backup, as `list` names it")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for whoever wonders later")


def run(invocation: Invocation) -> int:
    """Hold a backup in every repository that has it. One that is on hold already stays as it is."""
    arguments, clock = invocation.arguments, SystemClock()
    with reporting(invocation.output, clock, invocation.settings.log) as reporter:
        for repository, listing in everywhere(invocation, reporter):
            if is_legacy_tag(listing.tag):
                raise StorageError(
                    f"{listing.table}/{listing.tag} was left by the predecessor and can't be held",
                    hint="`prune` never removes it.",
                )
            wanted = Hold(_user(), clock.now(), " ".join(arguments.reason.split()))
            hold = repository.hold(listing, wanted)
            reporter.event(
                BACKUP_HELD, repository=repository.name, table=listing.table, tag=listing.tag, hold=str(hold)
            )
    return 0


def everywhere(invocation: Invocation, reporter: Reporter) -> list[tuple[Repository, BackupListing]]:
    """The backup that the arguments name, in each repository that has it.

    Raises:
        NotFoundError: none has; as the last one says it.
    """
    arguments = invocation.arguments
    stored_in = invocation.repositories(reporter)
    return list(named_backups(stored_in, arguments.table, arguments.tag))


def _user() -> str:
    """Who does this: the one who called sudo, if somebody did."""
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
