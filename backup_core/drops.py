"""Waits for drops of tables: while the node is at one, no snapshot of that keyspace may be cleared.

To clear a snapshot the node also removes directories of dropped tables that have no other (`database::clear_snapshot`,
replica/database.cc). Those of a drop that is under way are among them: it fails half-way, and the node aborts with
"Compaction group ... was not disabled" (seen on 2026.1.12, also where the drop's own snapshot was cleared too soon).
In the end a drop takes all but the snapshots out of the directories of the table and of its views. That is looked for.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from backup_core.context import Context
from backup_core.errors import BackupError, NodeUnavailableError


POLL_SECONDS = 0.2
LEFT_SECONDS = 120.0
"""What hasn't changed for so long is no drop under way, but what a node that crashed has left of one."""

_SNAPSHOTS = "snapshots"
_ID_DIGITS = 32


def await_drops(context: Context, keyspace: str, directories: Sequence[Path]) -> None:
    """Wait until nothing of a keyspace is being dropped. That a drop begins right afterwards, nobody can prevent.

    Args:
        context: where the node is.
        keyspace: whose snapshots are to be cleared.
        directories: the node's data directories.

    Raises:
        NodeUnavailableError: it is still at it, and there was a signal.
    """
    former, changed_at = None, context.clock.monotonic()
    while left := _being_dropped(context, keyspace, directories):
        now = context.clock.monotonic()
        if left != former:
            former, changed_at = left, now
        elif now - changed_at > LEFT_SECONDS:
            return
        if context.cancel.is_set():
            raise NodeUnavailableError(f"The node is still dropping tables of {keyspace}: that would disturb it.")
        context.cancel.sleep(POLL_SECONDS)


def _being_dropped(context: Context, keyspace: str, directories: Sequence[Path]) -> dict[Path, tuple[int, ...]]:
    """Directories of tables and views that are gone, but for those that hold only snapshots, and when they changed."""
    filled = {path: changes for base in directories for path, changes in _filled(base / keyspace)}
    if not filled:
        return {}
    try:
        with context.cancel.shielded():
            existing = context.cql.ids(keyspace)
    except BackupError:  # who isn't told can only go on, as if nobody dropped anything
        return {}
    return {path: changes for path, changes in filled.items() if path.name[-_ID_DIGITS:] not in existing}


def _filled(keyspace: Path) -> Iterator[tuple[Path, tuple[int, ...]]]:
    for table in _entries(keyspace):
        entries = _entries(table)
        if any(entry.name != _SNAPSHOTS for entry in entries):
            snapshots = _entries(table / _SNAPSHOTS)
            yield table, tuple(map(_changed_at, (table, *entries, *snapshots)))


def _entries(directory: Path) -> list[Path]:
    """What is in a directory, sorted; nothing if it isn't there any more, or if this user may not look."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _changed_at(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except OSError:
        return 0
