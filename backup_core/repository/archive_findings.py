"""What `repository check` finds in archive mode, where each backup has all its files to itself."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from backup_core.repository import layout, staging
from backup_core.repository.findings import Findings
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.storage_errors import storage_errors


def check_archives(root: Path, host_id: str | None, listings: Iterable[BackupListing]) -> Findings:
    """Look at everything, and change nothing.

    Args:
        root: the repository.
        host_id: whose it is; None if nobody's.
        listings: its backups.

    Raises:
        BackupError: as the operating system refuses.
    """
    backups = tuple(listings)
    damaged = [one for one in backups if one.status is BackupStatus.DAMAGED]
    listed = {(one.table, one.tag) for one in backups}
    names = _names(root)
    return Findings(
        host_id=host_id,
        tables=len({one.table for one in backups}),
        backups=len(backups),
        missing=tuple(f"{one.table}/{one.tag}: {one.problem}" for one in damaged),
        debris=(*(f"{name}: unfinished" for name in staging.temporary_directories(root)), *_unlisted(root, listed)),
        foreign=tuple(
            name for name in names if not layout.is_table_name(name) and not name.startswith(layout.OWN_PREFIX)
        ),
    )


def _unlisted(root: Path, listed: set[tuple[str, str]]) -> Iterator[str]:
    for table in _names(root):
        if layout.is_table_name(table) and (root / table).is_dir():
            for tag in _names(root / table):
                if layout.is_tag(tag) and (table, tag) not in listed:
                    yield f"{table}/{tag}: no manifest"


def _names(directory: Path) -> list[str]:
    with storage_errors(directory, "Failed to list"):
        return sorted(path.name for path in directory.iterdir())
