"""Judges damage that verifications have found. Pure, as the verdict that it is part of."""

from collections.abc import Collection, Iterator, Sequence

from backup_core.repository.listing import BackupListing, BackupStatus
from daemon.monitoring.evidence import Evidence


def damage_problems(evidence: Evidence, names: Collection[str]) -> Iterator[str]:
    """What is to be said of backups that were read back and found damaged; critical until there is a newer good one.

    Args:
        evidence: what was found.
        names: of the tables that are judged.
    """
    for repository, stored in evidence.stored.items():
        for name in names:
            damaged = list(_unmended(stored.get(name, ())))
            if damaged:
                others = f", and {len(damaged) - 1} more of its backups" if len(damaged) > 1 else ""
                newest = damaged[0]
                yield f"{name}/{newest.tag} in {repository} is damaged{others}: {newest.problem}"


def _unmended(listings: Sequence[BackupListing]) -> Iterator[BackupListing]:
    """Damaged backups that no good one has been made after: one that was made since has stored anew what was wrong."""
    made_at = [listing.snapshot_at for listing in listings if listing.status is BackupStatus.COMPLETE]
    for listing in listings:
        found_at = listing.damaged_at
        if found_at is not None and not any(moment > found_at for moment in made_at):
            yield listing
