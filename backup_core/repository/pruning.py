"""Carries out what retention decides, and removes what nobody needs after that.

Removing takes no lock. What goes was decided a moment before from what was listed then, and all that others do
meanwhile is add backups, or remove some by rules of their own that keep the newest ones too. The newest complete
backup of a group always stays, so the links to it needn't change, and a run that publishes into the same table isn't
disturbed.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, RunCancelledError
from backup_core.events import BACKUP_REMOVED, PRUNE_FAILED, Reporter
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Locks, Repository
from backup_core.repository.retention import Decision, Policies, decide


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What came of it.

    Attributes:
        removed: each with the reasons.
        failed: what ended the work on a table, one error a table; they have been reported.
    """

    removed: tuple[Decision, ...]
    failed: tuple[BackupError, ...]

    @property
    def removed_bytes(self) -> int:
        """Size of what was removed."""
        return sum(decision.listing.size_bytes for decision in self.removed)


def plan(
    repository: Repository, policies: Policies, now: datetime, tables: Sequence[str] | None = None
) -> tuple[Decision, ...]:
    """What `prune` would do, and why; changes nothing.

    Args:
        repository: it may be open for reading only.
        policies: its rules.
        now: the time that ages count from.
        tables: names; all if None.

    Raises:
        BackupError: as the operating system or the store refuses.
    """
    names = repository.tables() if tables is None else tables
    return decide((listing for name in names for listing in repository.backups(name)), policies, now)


def prune(
    repository: Repository,
    policies: Policies,
    now: datetime,
    locks: Locks,
    *,
    reporter: Reporter,
    cancel: CancelToken,
    tables: Sequence[str] | None = None,
    among: Container[str] | None = None,
    sweeps_all: bool = True,
) -> PruneResult:
    """Remove what no rule wants, and what nobody needs then; table by table, one that fails doesn't stop the others.

    Args:
        repository: open for writing.
        policies: its rules.
        now: the time that ages count from.
        locks: of the node's tables.
        reporter: hears of each backup that went.
        cancel: looked at between two backups.
        tables: names; all if None.
        among: locations of backups: no other one goes, whatever the rules say now; None sets no such limit.
        sweeps_all: look in all of the tables for what nobody needs, and for what crashes have left; else only where a
            backup went.

    Raises:
        RunCancelledError: the token was set.
        BackupError: the repository can't be listed.
    """
    if sweeps_all:
        repository.clear_up()
    removed: list[Decision] = []
    failed: list[BackupError] = []
    for name in repository.tables() if tables is None else tables:
        before = len(removed)
        try:
            for decision in plan(repository, policies, now, (name,)):
                if decision.keep or (among is not None and decision.listing.location not in among):
                    continue
                cancel.raise_if_set()
                if repository.remove(decision.listing):
                    removed.append(decision)
                    report_removed(reporter, repository, decision.listing, "; ".join(decision.reasons))
            if sweeps_all or len(removed) > before:
                repository.sweep((name,), now, locks)
        except RunCancelledError:
            raise
        except BackupError as error:
            failed.append(error)
            reporter.failure(PRUNE_FAILED, error, repository=repository.name, table=name)
    return PruneResult(tuple(removed), tuple(failed))


def report_removed(reporter: Reporter, repository: Repository, listing: BackupListing, reason: str) -> None:
    """Tell that a backup is gone."""
    reporter.event(
        BACKUP_REMOVED,
        repository=repository.name,
        table=listing.table,
        tag=listing.tag,
        size_bytes=listing.size_bytes,
        reason=reason,
    )
