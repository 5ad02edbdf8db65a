"""Backups as lists show them, by their age alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.summary import Verified


NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def listing(age: timedelta, status: BackupStatus = BackupStatus.COMPLETE) -> BackupListing:
    """A backup whose snapshot is that old."""
    return BackupListing(
        table="users",
        id="220f8fd0aca211f0af61efb5703633f5",
        tag="1733313018",
        snapshot_at=NOW - age,
        nominal_at=None,
        size_bytes=1,
        plain_size_bytes=1,
        status=status,
        problem="",
        verified=Verified(),
        location=Path("backups/users/1733313018"),
    )
