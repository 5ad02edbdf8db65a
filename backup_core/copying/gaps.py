"""Decides, purely, which backups of a table another repository lacks, and which of them it is to get."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from backup_core.errors import BackupError, IntegrityError, StorageError
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing, BackupStatus


class Verdict(StrEnum):
    """What becomes of a backup."""

    COPY = "copy"
    THERE = "there already"
    LEFT_OUT = "left out"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one backup.

    Attributes:
        listing: as the source has it.
        error: why it can't be copied; None where it is, or needn't be.
    """

    listing: BackupListing
    verdict: Verdict
    error: BackupError | None = None


def decide(
    listings: Iterable[BackupListing], there: Iterable[BackupListing], source: str, target: str
) -> tuple[Decision, ...]:
    """What becomes of each backup, in the order in which they are given.

    Only complete ones are copied. One tag of a table is one content: what the target has under a tag stays, and is
    either the same snapshot or a conflict.

    Args:
        listings: of one table, in the source.
        there: of the same table, in the target.
        source: name of the source, for messages.
        target: name of the target.
    """
    known = {listing.tag: listing for listing in there}
    return tuple(_decide(listing, known.get(listing.tag), source, target) for listing in listings)


def _decide(listing: BackupListing, there: BackupListing | None, source: str, target: str) -> Decision:
    name = f"{listing.table}/{listing.tag}"
    if layout.is_legacy_tag(listing.tag):
        problem = f"{name} was left in {source} by the predecessor: nothing tells what it should hold"
        return Decision(listing, Verdict.LEFT_OUT, StorageError(problem))
    if listing.status is not BackupStatus.COMPLETE:
        hint = "Only complete backups are copied."
        broken = IntegrityError(f"{name} in {source} is {listing.status}: {listing.problem}", hint=hint)
        return Decision(listing, Verdict.LEFT_OUT, broken)
    if there is None:
        return Decision(listing, Verdict.COPY)
    if _snapshot(there) != _snapshot(listing):
        problem = f"{name} in {target} is of another snapshot than in {source}"
        hint = f"One tag of a table is one backup: the one in {target} stays as it is."
        return Decision(listing, Verdict.CONFLICT, StorageError(problem, hint=hint))
    if there.status is not BackupStatus.COMPLETE:
        hint = "What is damaged is never written over; the next backup sends it anew."
        broken = IntegrityError(f"{name} in {target} is {there.status}: {there.problem}", hint=hint)
        return Decision(listing, Verdict.CONFLICT, broken)
    return Decision(listing, Verdict.THERE)


def _snapshot(listing: BackupListing) -> tuple[object, ...]:
    """What tells the snapshot of one backup from that of any other: its start is known to the microsecond."""
    return listing.table, listing.id, listing.snapshot_at, listing.plain_size_bytes
