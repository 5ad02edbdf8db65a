"""When a backup last came back as it should: `restored.json` tells, which restores and drills write beside it."""

import json
from datetime import datetime
from pathlib import Path

from backup_core.durable import read_file
from backup_core.repository import layout
from backup_core.repository.timestamps import parse_timestamp


def restored_at(location: Path) -> datetime | None:
    """When the backup in a directory was last restored and proven; None if it wasn't, or the last proof didn't hold.

    Raises:
        BackupError: as the operating system refuses.
    """
    content = read_file(f"{location}/{layout.RESTORED}")
    if content is None:
        return None
    try:
        fields = json.loads(content)
        return parse_timestamp(fields["restored_at"]) if fields["proven"] is True else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
