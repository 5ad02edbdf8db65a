"""Examples: `prune --plan`, `prune --plan --at 2027-01-01`, `prune --yes`, `prune users --yes --json`."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from backup_core.clock import SystemClock
from backup_core.errors import BackupError, batch_exit_code
from backup_core.events import Reporter
from backup_core.repository.protocol import Repository
from backup_core.repository.pruning import plan, prune
from backup_core.repository.retention import Decision
from backup_core.sizes import human_size
from daemon.commands.list import BACKUP_COLUMNS, as_json, backup_columns
from daemon.confirmation import can_ask, confirmed
from daemon.invocation import Invocation
from daemon.moments import moment
from daemon.reporting import reporting
from daemon.repositories import named_backups, opened
from daemon.repository_ownership import add_host_arguments, meant, removable
from daemon.retention_policies import retention_policies
from daemon.signals import cancelling
from daemon.wiring import table_locks


WRONG_USAGE, DECLINED = 2, 1
COLUMNS = (*BACKUP_COLUMNS, "action", "why")

_Planned = list[tuple[Repository, tuple[Decision, ...]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="only backups of these tables")
    parser.add_argument("--plan", action="store_true", help="tell what would go, what would stay, and why")
    parser.add_argument("--at", type=moment, metavar="DATE", help="with --plan: as of that date or time, UTC")
    add_host_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Remove what no rule of the retention wants; or with --plan, only tell."""
    arguments, output = invocation.arguments, invocation.output
    if arguments.at is not None and not arguments.plan:
        output.error("alternator-backup prune: --at is for --plan: backups are removed as of now.")
        return WRONG_USAGE
    if not (arguments.plan or arguments.yes or (can_ask() and not arguments.json)):
        output.error("alternator-backup prune: say --yes to remove backups without being asked, or look with --plan.")
        return WRONG_USAGE
    now = arguments.at or SystemClock().now()
    with (
        cancelling(invocation.cancel),
        reporting(output, SystemClock(), invocation.settings.log) as reporter,
    ):
        planned = _plan(invocation, reporter, now)
        if arguments.plan:
            _tell_plan(invocation, planned)
            return 0
        if not arguments.yes and not _agreed(invocation, planned):
            return DECLINED
        return _prune(invocation, planned, reporter, now)


def _plan(invocation: Invocation, reporter: Reporter, now: datetime) -> _Planned:
    """What would become of each backup, by repository.

    Raises:
        NotFoundError: no repository has a backup of one of the tables.
    """
    tables, settings = invocation.arguments.tables, invocation.settings
    planned = []
    stored_in = opened((meant if invocation.arguments.plan else removable)(invocation, reporter))
    for repository in stored_in:
        decisions = plan(repository, retention_policies(settings.repository[repository.name]), now)
        planned.append((repository, tuple(d for d in decisions if not tables or d.listing.table in tables)))
    known = {decision.listing.table for _, decisions in planned for decision in decisions}
    for table in tables:
        if table not in known:
            next(named_backups(stored_in, table))  # which names what is close
    return planned


def _agreed(invocation: Invocation, planned: _Planned) -> bool:
    going = _removals(planned)
    if not going:
        return True
    _print(invocation, going, "remove")
    if confirmed(invocation.output, f"Remove {_sum(d for _, d in going)}?", expected="yes"):
        return True
    invocation.output.message("Nothing was removed.")
    return False


def _prune(invocation: Invocation, planned: _Planned, reporter: Reporter, now: datetime) -> int:
    tables = tuple(dict.fromkeys(invocation.arguments.tables)) or None
    removed: list[tuple[Repository, Decision]] = []
    errors: list[BackupError] = []
    for repository, decisions in planned:
        result = prune(
            repository,
            retention_policies(invocation.settings.repository[repository.name]),
            now,
            table_locks(invocation.settings, invocation.cancel),
            reporter=reporter,
            cancel=invocation.cancel,
            tables=tables,
            # What has come meanwhile may push out more than anybody has agreed to.
            among={decision.listing.location for decision in decisions if not decision.keep},
        )
        removed += [(repository, decision) for decision in result.removed]
        errors += result.failed
    _print(invocation, removed, "removed")
    invocation.output.message(f"Removed {_sum(d for _, d in removed)}." if removed else "There was nothing to remove.")
    return batch_exit_code(errors, some_succeeded=bool(removed))


def _tell_plan(invocation: Invocation, planned: _Planned) -> None:
    everything = [(repository, decision) for repository, decisions in planned for decision in decisions]
    _print(invocation, everything, "remove")
    going = [decision for _, decision in _removals(planned)]
    invocation.output.message(
        f"{_sum(going)} of {len(everything)} would go." if going else f"None of {len(everything)} backups would go."
    )


def _removals(planned: _Planned) -> list[tuple[Repository, Decision]]:
    return [(repository, d) for repository, decisions in planned for d in decisions if not d.keep]


def _print(invocation: Invocation, chosen: Sequence[tuple[Repository, Decision]], removal: str) -> None:
    """Decisions in columns or as JSON; `removal` is the word for what is removed, or was."""
    if invocation.arguments.json:
        invocation.output.json([_as_json(repository.name, decision, removal) for repository, decision in chosen])
    elif chosen:
        rows = [_row(repository.name, decision, removal) for repository, decision in chosen]
        invocation.output.table(COLUMNS, rows)


def _as_json(repository: str, decision: Decision, removal: str) -> dict[str, Any]:
    action = _action(decision, removal)
    return {**as_json(repository, decision.listing), "action": action, "reasons": list(decision.reasons)}


def _row(repository: str, decision: Decision, removal: str) -> tuple[str, ...]:
    columns = backup_columns(repository, decision.listing)
    return (*columns, _action(decision, removal), "; ".join(decision.reasons))


def _action(decision: Decision, removal: str) -> str:
    return "keep" if decision.keep else removal


def _sum(decisions: Iterable[Decision]) -> str:
    sizes = [decision.listing.size_bytes for decision in decisions]
    return f"{len(sizes)} backup{'s' if len(sizes) != 1 else ''} ({human_size(sum(sizes))})"
