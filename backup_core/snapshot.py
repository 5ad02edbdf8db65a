"""Snapshots: taken under a journal, found on disk, cleared on every path."""

import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from backup_core.context import Context
from backup_core.drops import await_drops
from backup_core.errors import (
    BackupError,
    NodeRefusedError,
    NotFoundError,
    PermissionDeniedError,
    RunCancelledError,
    SourceError,
)
from backup_core.events import (
    JOURNAL_ENTRY_BROKEN,
    SNAPSHOT_CLEAR_FAILED,
    SNAPSHOT_CLEARED,
    SNAPSHOT_LATE,
    SNAPSHOT_REQUESTED,
    SNAPSHOT_TAKEN,
)
from backup_core.journal import JournalEntry
from backup_core.model import Snapshot, SourceFile, SSTable, Table
from backup_core.node.snapshot_answers import NoAnswerError, SnapshotExistsError
from backup_core.source_errors import source_errors
from backup_core.sstable_files import parse_component
from backup_core.step import step
from backup_core.table_id import refuse_if_gone


MANIFEST_NAME = "manifest.json"
"""Written last by the node: a snapshot without it isn't finished (replica/table.cc)."""

LATE_POLL_SECONDS = 0.2


def take_snapshot(context: Context, table: Table, tag: str | None = None) -> Snapshot:
    """Take a snapshot of one table on this node.

    It is journalled before the node is asked, and belongs to the caller once it is returned, who clears it with
    `clear_snapshot`; where this fails it is cleared here.

    Args:
        context: where the node is.
        table: as `get_table_id` gave it.
        tag: its name, digits; the next Unix second that is free for this table if None.

    Returns:
        The snapshot with all its files as they lie there, not yet verified.

    Raises:
        NotFoundError: the table is gone, or another one has its name now.
        NodeRefusedError: the node says no; the tag exists and isn't ours.
        NodeUnavailableError: the REST API is down, or no snapshot came in time.
        SourceError, PermissionDeniedError: its directory isn't there or can't be read.
        StorageError: the journal can't be written, so no snapshot was asked for.
    """
    tag = tag or free_tag(context, (table,))
    _refuse_foreign(context, table, tag)
    context.cancel.raise_if_set()
    entry = context.journal.record(tag, table)
    started_at = context.clock.now()
    outcome_known = True
    try:
        context.reporter.event(SNAPSHOT_REQUESTED, table=table.name, keyspace=table.keyspace, tag=tag)
        try:
            context.snapshots.take(tag, table)
        except RunCancelledError:
            outcome_known = False
            raise
        except NoAnswerError as error:
            outcome_known = False
            _wait_for_late(context, table, tag, error)
        except NotFoundError:
            refuse_if_gone(context, table)
            raise
        directory = _find(context, table, tag)
        snapshot = read_snapshot(table, tag, directory, started_at=started_at, finished_at=context.clock.now())
    except SnapshotExistsError as error:
        context.journal.forget(entry)
        raise _foreign(table, tag) from error
    except BaseException:
        _clear(context, entry, forget=outcome_known)
        raise
    context.reporter.event(
        SNAPSHOT_TAKEN, table=table.name, tag=tag, directory=str(directory), sstables=len(snapshot.sstables)
    )
    return snapshot


def read_snapshot(table: Table, tag: str, directory: Path, *, started_at: datetime, finished_at: datetime) -> Snapshot:
    """The files of a snapshot as they lie there, SSTables' components together; whether all are there is another step.

    Raises:
        SourceError, PermissionDeniedError: the directory can't be read.
    """
    groups: dict[str, list[SourceFile]] = defaultdict(list)
    metadata: list[SourceFile] = []
    with source_errors(directory), os.scandir(directory) as entries:
        files = sorted((entry.name, entry.stat(follow_symlinks=False).st_size) for entry in entries)
    for file_name, size_bytes in files:
        name = parse_component(file_name)
        (groups[name.prefix] if name else metadata).append(SourceFile(file_name, size_bytes))
    sstables = tuple(SSTable(prefix, tuple(components)) for prefix, components in groups.items())
    return Snapshot(table, tag, directory, sstables, tuple(metadata), started_at, finished_at)


def clear_snapshot(context: Context, snapshot: Snapshot) -> None:
    """Clear a snapshot that `take_snapshot` returned. What can't be cleared stays in the journal, and is reported."""
    table = snapshot.table
    with step(context, "clear", table=table.name):
        _clear(context, JournalEntry(snapshot.tag, table.name, table.id, table.keyspace), forget=True)


def clear_orphans(context: Context) -> int:
    """Clear what runs that are dead have left, going by the journal; how many there were."""
    entries = list(
        context.journal.orphans(lambda error: context.reporter.warning(JOURNAL_ENTRY_BROKEN, error=str(error)))
    )
    for entry in entries:
        _clear(context, entry, forget=True)
    return len(entries)


def free_tag(context: Context, tables: Sequence[Table]) -> str:
    """The current Unix time in digits, or the next second that names no backup and no snapshot of these tables."""
    second = int(context.clock.now().timestamp())
    while any(_is_taken(context, table, str(second)) for table in tables):
        second += 1
    return str(second)


def _is_taken(context: Context, table: Table, tag: str) -> bool:
    try:
        return bool(_snapshot_directories(data_directories(context), table.keyspace, tag)) or any(
            tag in repository.tags(table.name) for repository in context.repositories
        )
    except BackupError:
        # Backing this table up will fail and say why; the other tables of the run needn't.
        return False


def data_directories(context: Context) -> tuple[Path, ...]:
    """The node's data directories: those of the settings, else those that it tells.

    Raises:
        SourceError: there is no such directory on this machine.
        PermissionDeniedError: this user may not look.
        NodeUnavailableError: the REST API doesn't answer.
    """
    directories = context.data_directories or tuple(Path(path) for path in context.rest.data_directories())
    for path in directories:
        if not _exists(path):
            raise SourceError(
                f"The data directory {path} does not exist.",
                hint="Set node.data_dirs to where the data of the node on this machine is.",
            )
    return directories


def _snapshot_directories(directories: tuple[Path, ...], keyspace: str, tag: str) -> list[Path]:
    """Snapshots of a keyspace with that tag. The node's own list hides tables whose names start with a dot."""
    found = []
    for directory in directories:
        path = directory / keyspace
        with source_errors(path):
            tables = sorted(path.iterdir()) if _exists(path) else []
        found += [table / "snapshots" / tag for table in tables if _exists(table / "snapshots" / tag)]
    return found


def _exists(path: Path) -> bool:
    """Unlike Path.exists, which is False from Python 3.14 on where this user may not look."""
    with source_errors(path):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _refuse_foreign(context: Context, table: Table, tag: str) -> None:
    if _snapshot_directories(data_directories(context), table.keyspace, tag):
        raise _foreign(table, tag)


def _foreign(table: Table, tag: str) -> NodeRefusedError:
    return NodeRefusedError(
        f"A snapshot {tag} of {table.keyspace} exists already and isn't ours.",
        hint="Somebody else has taken it: choose another tag, or clear it with nodetool clearsnapshot.",
        table=table.name,
        tag=tag,
    )


def _wait_for_late(context: Context, table: Table, tag: str, error: NoAnswerError) -> None:
    """The request may have been done all the same, or still be queued behind others: wait for what it leaves."""
    deadline = context.clock.monotonic() + context.late_snapshot_seconds
    directories = data_directories(context)
    while context.clock.monotonic() < deadline:
        for base in directories:
            if _exists(_path(base, table, tag) / MANIFEST_NAME):
                context.reporter.warning(SNAPSHOT_LATE, table=table.name, tag=tag, error=error.message)
                return
        context.cancel.sleep(LATE_POLL_SECONDS)
    raise error


def _find(context: Context, table: Table, tag: str) -> Path:
    paths = [_path(base, table, tag) for base in data_directories(context)]
    for path in paths:
        if _exists(path):
            return path
    refuse_if_gone(context, table)
    raise SourceError(
        f"Snapshot directory {paths[0]} does not exist.",
        hint="The node says that it took the snapshot: is node.data_dirs the data directory of that node?",
        table=table.name,
    )


def _path(base: Path, table: Table, tag: str) -> Path:
    return base / table.keyspace / table.directory_name / "snapshots" / tag


def _clear(context: Context, entry: JournalEntry, *, forget: bool) -> None:
    """Clear what an entry stands for; keep the entry if the snapshot may be there, or come, all the same."""
    try:
        with suppress(SourceError, PermissionDeniedError):  # who may not look can only go on
            await_drops(context, entry.keyspace, data_directories(context))
        context.snapshots.clear(entry.tag, entry.keyspace)
        left = _snapshot_directories(data_directories(context), entry.keyspace, entry.tag)
        if left:
            raise NodeRefusedError(f"The node cleared nothing: {left[0]} is still there.")
        if forget:
            context.journal.forget(entry)
            context.reporter.event(SNAPSHOT_CLEARED, table=entry.table_name, tag=entry.tag)
    except BackupError as error:
        context.reporter.warning(SNAPSHOT_CLEAR_FAILED, table=entry.table_name, tag=entry.tag, error=str(error))
    finally:
        context.journal.release(entry)
