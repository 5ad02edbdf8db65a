"""The space that comes back when snapshots are cleared."""

import stat
from collections.abc import Iterable
from pathlib import Path

from backup_core.source_errors import source_errors


def held_bytes(snapshots: Iterable[Path]) -> int:
    """Size of the files that have no link outside these snapshots: the node itself has long compacted them away.

    Args:
        snapshots: directories of snapshots; one that is gone holds nothing.

    Raises:
        SourceError, PermissionDeniedError: one can't be read.
    """
    links: dict[tuple[int, int], list[int]] = {}
    for snapshot in snapshots:
        with source_errors(snapshot):
            for path in _files(snapshot):
                try:
                    status = path.lstat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    seen = links.setdefault((status.st_dev, status.st_ino), [status.st_nlink, status.st_size])
                    seen[0] -= 1
    return sum(size_bytes for others, size_bytes in links.values() if others == 0)


def _files(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []
