"""Takes a backup of another repository in archive mode: the same files, and the same manifest."""

from typing import TYPE_CHECKING

from backup_core.archive_file import ArchiveFile
from backup_core.model import StoredBackup, Table
from backup_core.repository.archive_verification import archive_format
from backup_core.repository.archiving import stage
from backup_core.repository.completion import seal
from backup_core.repository.manifest import Manifest
from backup_core.repository.protocol import ReadStored
from backup_core.repository.publishing import publish
from backup_core.repository.verification import Progress
from backup_core.step import Interruptible


if TYPE_CHECKING:
    from backup_core.repository.local import LocalRepository


def receive_archive(
    repository: "LocalRepository",
    context: Interruptible,
    manifest: Manifest,
    read_stored: ReadStored,
    on_progress: Progress,
) -> StoredBackup:
    """Copy and publish a backup; nothing is left of it if this raises.

    Args:
        repository: open.
        context: its reporter and cancel token are used.
        manifest: of the backup.
        read_stored: gives its files.
        on_progress: hears how many bytes of them have been read.

    Raises:
        ManifestError: its archive isn't named as one of that table.
        IntegrityError: a file isn't the one that was stored there.
        StorageError: one of the repositories says no, this one may be full; or there is such a backup.
        RunCancelledError: a signal.
    """
    table = Table(manifest.table.name, manifest.table.id)
    with stage(repository.path, table, manifest.tag, archive_format(manifest)) as staging:
        done_bytes = 0
        for stored in manifest.objects:
            with (
                read_stored(stored) as blocks,
                ArchiveFile(staging.directory / stored.name, stored.stored_size_bytes) as copy,
            ):
                for block in blocks:
                    context.cancel.raise_if_set()
                    copy.write(block)
                    done_bytes += len(block)
                    on_progress(done_bytes)
                copy.commit()
        summary = seal(staging.directory, manifest)
        return publish(repository.path, staging, summary, repository=repository.name, reporter=context.reporter)
