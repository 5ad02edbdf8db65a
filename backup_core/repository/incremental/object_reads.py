"""`verified.json` of a table: when each of its objects was last read back and found right.

Backups share objects: what was read for one of them needn't be read for the others. It can be lost without harm; then
a sample begins anew.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.storage.protocol import Content, Storage
from backup_core.repository.timestamps import parse_timestamp, timestamp


FORMAT_VERSION = 1


def read_object_reads(storage: Storage, keys: TableKeys) -> dict[str, datetime]:
    """When objects were last read, by name; nothing where nothing is known, or it can't be made out.

    Raises:
        BackupError: as the store refuses.
    """
    content = read_object(storage, keys.verified)
    if content is None:
        return {}
    try:
        fields = json.loads(content)
        if fields["format_version"] != FORMAT_VERSION:
            return {}
        moments = {parse_timestamp(at): names for at, names in fields["read"].items()}
        return {str(name): moment for moment, names in moments.items() for name in names}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def write_object_reads(storage: Storage, keys: TableKeys, reads: Mapping[str, datetime]) -> None:
    """Write down when objects were last read.

    Raises:
        BackupError: as the store refuses.
    """
    by_moment: dict[str, list[str]] = defaultdict(list)
    for name, moment in sorted(reads.items()):
        by_moment[timestamp(moment)].append(name)
    fields = {"format_version": FORMAT_VERSION, "read": dict(sorted(by_moment.items()))}
    storage.put(keys.verified, Content.of(json.dumps(fields, separators=(",", ":")).encode() + b"\n"))
