"""The archive step: one pass over a snapshot's files makes a tar archive and everything that proves it."""

from collections.abc import Callable
from pathlib import Path

from backup_core.archive_file import ArchiveFile
from backup_core.cancel import CancelToken
from backup_core.compression import ArchiveFormat
from backup_core.model import Snapshot, SourceFile, StoredArchive, StoredFile
from backup_core.source_files import SourceDirectory
from backup_core.tar_format import member_header, padding, stream_size_bytes
from backup_core.tar_stream import TarStream


__all__ = ["ArchiveFormat", "write_archive"]


def write_archive(
    snapshot: Snapshot,
    destination: Path,
    *,
    archive_format: ArchiveFormat,
    on_progress: Callable[[int], None],
    cancel: CancelToken,
) -> StoredArchive:
    """Write all files of `snapshot` into one archive; it is on the disk when this returns, and gone if this raises.

    Equal files with equal times of change give equal plain bytes.

    Args:
        snapshot: what to archive; each file is read once.
        destination: the archive, which must not exist yet.
        archive_format: how to store it.
        on_progress: hears how many bytes of the snapshot have been read.
        cancel: looked at before each block.

    Returns:
        What was written, with every SHA-256.

    Raises:
        SourceError: a file vanished, isn't as large as it was, isn't a regular file, or has another CRC-32.
        StorageFullError: there is no space left for the archive.
        StorageError: the archive can't be written for another reason.
        PermissionDeniedError: this user may not read a file or not write the archive.
        RunCancelledError: `cancel` was set.
    """
    with (
        SourceDirectory(snapshot.directory, on_progress, cancel) as source,
        ArchiveFile(destination, stream_size_bytes(snapshot.files)) as archive,
        TarStream(archive_format, archive) as stream,
    ):
        files = tuple(_write_member(file, source, stream) for file in snapshot.files)
        plain_sha256 = stream.finish()
        sha256 = archive.commit()
    return StoredArchive(destination.name, archive.size_bytes, sha256, stream.size_bytes, plain_sha256, files)


def _write_member(file: SourceFile, source: SourceDirectory, stream: TarStream) -> StoredFile:
    with source.open(file) as content:
        stream.write(member_header(file.name, file.size_bytes, content.modified_at))
        for block in content.blocks():
            stream.write(block)
        stream.write(padding(file.size_bytes))
        return StoredFile(file.name, file.size_bytes, content.sha256())
