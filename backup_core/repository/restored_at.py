"""When a backup last came back as it should: `restored.json` tells, which restores and drills write beside it."""

import json
from datetime import datetime
from pathlib import Path

from backup_core.repository import layout
from backup_core.repository.timestamps import parse_timestamp
from backup_core.storage_errors import storage_errors


def restored_at(location: Path) -> datetime | None:
    """When the backup in a directory was last restored and proven; None if it wasn't, or the last proof didn't hold.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(location, "Failed to read"):
        try:
            with open(f"{location}/{layout.RESTORED}", "rb") as file:  # noqa: PTH123  (lists ask for thousands)
                content = file.read()
        except FileNotFoundError:
            return None
    try:
        fields = json.loads(content)
        return parse_timestamp(fields["restored_at"]) if fields["proven"] is True else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
