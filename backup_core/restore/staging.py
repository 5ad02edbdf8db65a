"""Where a restore keeps checked files until the node has loaded them: on the data's file system, owned as the data is.

alternator-backup-staging/       node.restore_staging
7f3a9c01/                      one restore's, locked while it lives; whatever can be locked is removed
0/  1/  ...                  the files of each backup that is restored: hosts may have names in common
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from backup_core.errors import BackupError, SettingsError, SourceError
from backup_core.events import RESTORE_STAGING_REMOVED, Reporter
from backup_core.flock import try_lock
from backup_core.identity import acting_as
from backup_core.restore.directories import OpenDirectory, directory_errors, open_directory


DEFAULT_NAME = "alternator-backup-staging"


def default_staging(data_directory: Path) -> Path:
    """Where it is unless the settings say so: beside the data directory, which must hold nothing but ScyllaDB's own."""
    return data_directory.resolve().parent / DEFAULT_NAME


@contextmanager
def restore_staging(path: Path, data_directory: Path, reporter: Reporter) -> Iterator[OpenDirectory]:
    """An empty directory of the data's owner for one restore, gone at the end; what dead restores left is removed.

    Args:
        path: where such directories are; made if it isn't there, though not its parent.
        data_directory: the node's first one.
        reporter: hears of what was removed.

    Raises:
        PermissionDeniedError: this is neither root nor the owner of the data, or the owner may not write there.
        SettingsError: it is on another file system than the data.
        SourceError: it is a link, or something else stands in its way.
    """
    with open_directory(data_directory, follow=True) as data, ExitStack() as stack:
        with acting_as(data.owner, data.path):
            root = stack.enter_context(_opened_root(path, data))
            for name in _remove_stale(root):
                reporter.event(RESTORE_STAGING_REMOVED, directory=str(path / name))
            name, own = _claim_new(root)
            stack.enter_context(own)
        try:
            yield own
        finally:
            # What can't be removed now is removed by the next restore.
            with suppress(BackupError), acting_as(data.owner, data.path):
                root.remove(name)


def _opened_root(path: Path, data: OpenDirectory) -> OpenDirectory:
    with open_directory(path.parent, follow=True) as parent:
        status = parent.status(path.name)
        device = status.st_dev if status else os.fstat(parent.descriptor).st_dev
        if device != os.fstat(data.descriptor).st_dev:
            raise SettingsError(
                f"node.restore_staging: {path} is on another file system than {data.path}: no file can be linked.",
                hint="Set it to a directory on the data's file system that isn't in a data directory.",
            )
        if status is None:
            # Another restore may make it at this very moment: what is there has to be a directory, whoever made it.
            with suppress(SourceError):
                parent.make_directory(path.name)
        return parent.directory(path.name)


def _remove_stale(root: OpenDirectory) -> Iterator[str]:
    for name in root.names():
        # What isn't a directory isn't ours; one that vanishes meanwhile is removed already.
        with suppress(BackupError), root.directory(name) as found:
            if _lock(found):
                root.remove(name)
                yield name


def _claim_new(root: OpenDirectory) -> tuple[str, OpenDirectory]:
    while True:
        name = secrets.token_hex(4)
        root.make_directory(name)
        # Until it is locked another restore may take it for a dead one's.
        try:
            found = root.directory(name)
        except SourceError:
            if root.status(name) is None:
                continue
            raise
        with ExitStack() as stack:
            stack.enter_context(found)
            if _lock(found) and root.status(name) is not None:
                stack.pop_all()
                return name, found


def _lock(directory: OpenDirectory) -> bool:
    with directory_errors(directory.path, "Failed to lock"):
        return try_lock(directory.descriptor)
