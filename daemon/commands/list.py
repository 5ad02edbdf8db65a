"""Examples: `list`, `list users`, `list --json | jq '.[] | select(.status != "complete")'`."""

import argparse
from typing import Any

from backup_core.events import SilentReporter
from backup_core.repository.listing import BackupListing
from backup_core.sizes import human_size
from daemon.invocation import Invocation
from daemon.repositories import named_backups


BACKUP_COLUMNS = ("table", "tag", "snapshot", "size", "repository")
"""Which backup it is."""
COLUMNS = (*BACKUP_COLUMNS, "sent", "status", "remark")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("table", nargs="?", metavar="TABLE", help="only backups of this table")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Print every backup of every repository, the newest of each table first. A damaged one says so."""
    table = invocation.arguments.table
    stored_in = invocation.repositories(SilentReporter())
    found = [(repository.name, listing) for repository, listing in named_backups(stored_in, table)]
    if invocation.arguments.json:
        invocation.output.json([as_json(name, listing) for name, listing in found])
    elif found:
        invocation.output.table(COLUMNS, [_row(name, listing) for name, listing in found])
    else:
        invocation.output.message("There are no backups yet: make one with `alternator-backup backup --all`.")
    return 0


def backup_columns(repository: str, listing: BackupListing) -> tuple[str, ...]:
    """What stands in `BACKUP_COLUMNS`."""
    return (
        listing.table,
        listing.tag,
        f"{listing.snapshot_at:%Y-%m-%d %H:%M:%S} UTC",
        human_size(listing.size_bytes),
        repository,
    )


def as_json(repository: str, listing: BackupListing) -> dict[str, Any]:
    """A backup, for programs; times as RFC 3339, null where nothing is known."""
    return {
        "repository": repository,
        "table": listing.table,
        "table_id": listing.id,
        "tag": listing.tag,
        "snapshot_at": listing.snapshot_at.isoformat(),
        "nominal_at": listing.nominal_at.isoformat() if listing.nominal_at else None,
        "size_bytes": listing.size_bytes,
        "plain_size_bytes": listing.plain_size_bytes,
        "sent_bytes": listing.sent_bytes,
        "mode": listing.mode,
        "status": str(listing.status),
        "problem": listing.problem,
        "verified": verified_json(listing),
        "hold": _hold_json(listing),
        "location": listing.location,
    }


def verified_json(listing: BackupListing) -> dict[str, str | None]:
    """When each kind of verification held; null where it was not done."""
    verified = listing.verified
    moments = {
        "structure": verified.structure,
        "digest": verified.digest,
        "stored": verified.stored,
        "restored": verified.restored,
    }
    return {kind: moment.isoformat() if moment else None for kind, moment in moments.items()}


def _hold_json(listing: BackupListing) -> dict[str, str | None] | None:
    hold = listing.hold
    if hold is None:
        return None
    held_at = hold.held_at.isoformat() if hold.held_at else None
    return {"held_by": hold.held_by, "held_at": held_at, "reason": hold.reason}


def _row(repository: str, listing: BackupListing) -> tuple[str, ...]:
    remark = "; ".join(filter(None, (listing.problem, str(listing.hold or ""))))
    sent = "" if listing.sent_bytes is None else human_size(listing.sent_bytes)
    return (*backup_columns(repository, listing), sent, str(listing.status), remark)
