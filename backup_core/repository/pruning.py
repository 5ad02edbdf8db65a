"""Carries out what retention decides, on a local repository.

No lock is needed. What goes was decided a moment before from what was listed then, and all that others do meanwhile is
add backups, or remove some by rules of their own that keep the newest ones too. The newest complete backup of a group
always stays, so the links to it needn't change, and a run that publishes into the same table isn't disturbed.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, RunCancelledError
from backup_core.events import BACKUP_REMOVED, PRUNE_FAILED, Reporter
from backup_core.repository.listing import BackupListing, list_backups, list_tables
from backup_core.repository.local import LocalRepository
from backup_core.repository.removal import remove_backup
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
    repository: LocalRepository, policies: Policies, now: datetime, tables: Sequence[str] | None = None
) -> tuple[Decision, ...]:
    """What `prune` would do, and why; changes nothing.

    Args:
        repository: it may be open for reading only.
        policies: its rules.
        now: the time that ages count from.
        tables: names; all if None.

    Raises:
        BackupError: as the operating system refuses.
    """
    names = list_tables(repository.path) if tables is None else tables
    return decide((listing for name in names for listing in list_backups(repository.path, name)), policies, now)


def prune(
    repository: LocalRepository,
    policies: Policies,
    now: datetime,
    *,
    reporter: Reporter,
    cancel: CancelToken,
    tables: Sequence[str] | None = None,
    among: Container[Path] | None = None,
) -> PruneResult:
    """Remove what no rule wants, and what crashes have left; table by table, one that fails doesn't stop the others.

    Args:
        repository: open for writing.
        policies: its rules.
        now: the time that ages count from.
        reporter: hears of each backup that went.
        cancel: looked at between two backups.
        tables: names; all if None.
        among: directories of backups: no other one goes, whatever the rules say now; None sets no such limit.

    Raises:
        RunCancelledError: the token was set.
        BackupError: the repository can't be listed.
    """
    repository.remove_debris()
    removed: list[Decision] = []
    failed: list[BackupError] = []
    for name in list_tables(repository.path) if tables is None else tables:
        try:
            for decision in plan(repository, policies, now, (name,)):
                if decision.keep or (among is not None and decision.listing.location not in among):
                    continue
                cancel.raise_if_set()
                if remove_backup(repository.path, decision.listing.location):
                    removed.append(decision)
                    report_removed(reporter, repository, decision.listing, "; ".join(decision.reasons))
        except RunCancelledError:
            raise
        except BackupError as error:
            failed.append(error)
            reporter.failure(PRUNE_FAILED, error, repository=repository.name, table=name)
    return PruneResult(tuple(removed), tuple(failed))


def report_removed(reporter: Reporter, repository: LocalRepository, listing: BackupListing, reason: str) -> None:
    """Tell that a backup is gone."""
    reporter.event(
        BACKUP_REMOVED,
        repository=repository.name,
        table=listing.table,
        tag=listing.tag,
        size_bytes=listing.size_bytes,
        reason=reason,
    )
