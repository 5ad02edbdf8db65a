"""Unpacks a backup on its way between repositories that store it differently; nothing of it stays."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup_core.copying.context import CopyContext
from backup_core.copying.recorded import recorded_schema, recorded_table
from backup_core.durable import DIRECTORY_MODE
from backup_core.errors import StorageFullError
from backup_core.events import COPY_SPOOL_REMOVED
from backup_core.model import VerifiedTable
from backup_core.ownership import as_owner_of
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest
from backup_core.repository.staging import remove_debris, temporary_directory
from backup_core.restore.backup_content import backup_content
from backup_core.restore.content import BackupContent, Unpacked
from backup_core.restore.directories import OpenDirectory, open_directory
from backup_core.sizes import human_size
from backup_core.storage_errors import storage_errors


_HINT = "Free up space there, or name a directory on a larger disk with --spool."


@contextmanager
def spooled(context: CopyContext, listing: BackupListing, manifest: Manifest) -> Iterator[VerifiedTable]:
    """All files of a backup, every byte checked, ready to be stored once more; they are gone after the block.

    Args:
        context: its source has the backup.
        listing: the backup.
        manifest: its own.

    Raises:
        IntegrityError, ManifestError: the backup isn't what was stored, or never was one.
        PermissionDeniedError: it is encrypted, and none of the given identities can read it.
        StorageFullError: there is too little space for its files.
        BackupError: as the source or the operating system refuses.
        RunCancelledError: a signal.
    """
    content = backup_content(context.source, listing, manifest)
    schema = recorded_schema(context.source, listing, manifest)
    _prepare(context)
    with temporary_directory(context.spool, listing.tag) as path, open_directory(path) as directory:
        unpacked = _unpack(context, content, directory, sum(file.size_bytes for file in manifest.files))
        yield recorded_table(manifest, schema, path, unpacked.sstables, context.clock.now())


def _prepare(context: CopyContext) -> None:
    """Make the directory, and remove what copies that were killed have left there."""
    with storage_errors(context.spool, "Failed to make"), as_owner_of(context.spool):
        context.spool.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    for name in remove_debris(context.spool):
        context.reporter.event(COPY_SPOOL_REMOVED, directory=str(context.spool / name))


def _unpack(context: CopyContext, content: BackupContent, directory: OpenDirectory, size_bytes: int) -> Unpacked:
    _require_room(context.spool, directory, content.table_name, size_bytes)
    total_bytes = content.stored_size_bytes
    try:
        return content.unpack(
            directory,
            wanted=lambda _: True,
            most_bytes=size_bytes,
            on_progress=lambda read_bytes: context.reporter.progress(
                f"unpack {content.table_name}", read_bytes, total_bytes
            ),
            cancel=context.cancel,
        )
    except StorageFullError as error:
        raise StorageFullError(error.message, hint=_HINT) from error


def _require_room(spool: Path, directory: OpenDirectory, table: str, size_bytes: int) -> None:
    usage = os.fstatvfs(directory.descriptor)
    free_bytes = usage.f_bavail * usage.f_frsize
    if size_bytes > free_bytes:
        raise StorageFullError(
            f"Not enough space in {spool} to unpack table '{table}' for its copy: {human_size(size_bytes)} is needed, "
            f"{human_size(free_bytes)} is free.",
            hint=_HINT,
        )
