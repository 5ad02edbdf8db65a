"""The node's data directories: are they here, and may everything of Alternator's be read in them?"""

import os
from collections.abc import Iterator
from pathlib import Path

from backup_core.errors import BackupError, PermissionDeniedError, SourceError
from backup_core.model import KEYSPACE_PREFIX
from backup_core.source_errors import source_errors
from daemon.checking.examination import Examination
from daemon.checking.finding import Finding, failure, not_looked_at, ok, warning


SNAPSHOTS = "snapshots"


def data_directories(examination: Examination) -> Iterator[Finding]:
    """A line for each of them."""
    if examination.directories.error is not None:
        yield not_looked_at("data", examination.directories.error)
        return
    directories = examination.directories.get()
    for directory in directories:
        try:
            yield _readable(directory)
        except BackupError as error:
            yield failure("data", error)
    if examination.directories_told.error is None and set(directories) != set(examination.directories_told.get()):
        told = ", ".join(map(str, examination.directories_told.get()))
        yield warning(
            "data",
            f"node.data_dirs says {', '.join(map(str, directories))}, the node itself says {told}.",
            "Leave node.data_dirs empty, unless the node sees its directories under other paths, as in a container.",
        )


def _readable(directory: Path) -> Finding:
    if not directory.is_dir():
        raise SourceError(
            f"Data directory {directory} isn't there.",
            hint="A backup runs on the node's own machine; is node.data_dirs right?",
        )
    tables, denied = 0, []
    with source_errors(directory):
        for keyspace in sorted(directory.iterdir()):
            if keyspace.name.startswith(KEYSPACE_PREFIX):
                tables += 1
                denied += list(_denied(keyspace))
    if denied:
        raise PermissionDeniedError(
            f"{len(denied)} of Alternator's files and directories in {directory} can't be read, {denied[0]} first.",
            hint="Run as a user in the group that may read ScyllaDB's data directory (scylla).",
        )
    return ok("data", f"{directory}: {tables} Alternator keyspace(s), all readable.")


def _denied(keyspace: Path) -> Iterator[Path]:
    """What can't be read of a keyspace. Files of snapshots are links to those of their tables: same rights."""
    if not _may_enter(keyspace):
        yield keyspace
        return
    for table in keyspace.iterdir():
        if not _may_enter(table):
            yield table
            continue
        snapshots = table / SNAPSHOTS
        if snapshots.is_dir():
            yield from (path for path in (snapshots, *snapshots.iterdir()) if not _may_enter(path))
        yield from (
            Path(entry.path)
            for entry in os.scandir(table)
            if entry.is_file(follow_symlinks=False) and not os.access(entry.path, os.R_OK, effective_ids=True)
        )


def _may_enter(directory: Path) -> bool:
    return os.access(directory, os.R_OK | os.X_OK, effective_ids=True)
