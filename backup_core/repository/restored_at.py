"""When a backup last came back as it should: `restored.json` tells, which restores and drills write beside it."""

import json
from datetime import datetime

from backup_core.repository.timestamps import parse_timestamp


def parse_restored_at(content: bytes | None) -> datetime | None:
    """When a backup was last restored and proven; None if it wasn't, or the last proof didn't hold.

    Args:
        content: of the file; None if there is none.
    """
    if content is None:
        return None
    try:
        fields = json.loads(content)
        return parse_timestamp(fields["restored_at"]) if fields["proven"] is True else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
