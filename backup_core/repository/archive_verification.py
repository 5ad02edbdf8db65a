"""Verifies backups in archive mode: every file is there, and every byte, if it is read, what the manifest says."""

import hashlib
from pathlib import Path

from backup_core.archive import ArchiveFormat
from backup_core.archive_check import check_archive
from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError, ManifestError, RunCancelledError, StorageError
from backup_core.model import StoredArchive, StoredFile
from backup_core.repository import layout, legacy
from backup_core.repository.legacy_archive import check_readable
from backup_core.repository.listing import BackupListing, read_summary, regular_size
from backup_core.repository.manifest import Manifest, StoredObject, read_manifest, summarize
from backup_core.repository.verification import Depth, Progress, VerifyResult, damaged
from backup_core.storage_errors import storage_errors


def verify_backup(
    location: Path, listing: BackupListing, *, depth: Depth, on_progress: Progress, cancel: CancelToken
) -> VerifyResult:
    """Compare a backup with its manifest. What is read at all is read whole: an archive gives no sample.

    Args:
        location: its directory.
        listing: the backup.
        depth: whether its files are read.
        on_progress: hears how many of the stored bytes were read so far.
        cancel: looked at before each file, and before each block of an archive.

    Raises:
        IntegrityError: with everything that is wrong; its context has them as `problems`.
        RunCancelledError: if the token was set.
    """
    try:
        manifest = _own_manifest(location)
    except ManifestError as error:
        raise damaged(listing, [str(error)]) from error
    problems = []
    done_bytes = 0
    for stored in manifest.objects:
        cancel.raise_if_set()
        try:
            _check_size(location, stored)
            if depth.reads:
                _check_content(location, stored, manifest, _Offset(on_progress, done_bytes), cancel)
        except RunCancelledError:
            raise
        except StorageError as error:
            problems.append(error.message)
        done_bytes += stored.stored_size_bytes
        if depth.reads:
            on_progress(done_bytes)
    if problems:
        raise damaged(listing, problems)
    return VerifyResult(listing, len(manifest.objects), done_bytes, depth.reads, done_bytes if depth.reads else 0)


def verify_legacy(
    location: Path, listing: BackupListing, *, depth: Depth, on_progress: Progress, cancel: CancelToken
) -> VerifyResult:
    """Look whether what the predecessor left can be read; it stays unverified, since nothing tells what it should hold.

    Args as for `verify_backup`.

    Raises:
        IntegrityError: if its archive is missing, or can't be read to its end.
        RunCancelledError: if the token was set.
    """
    name = layout.archive_name(listing.table, legacy.ARCHIVE_SUFFIX)
    size_bytes = regular_size(location, name)
    if not size_bytes:
        raise damaged(listing, [f"{name} is missing or empty"])
    if depth.reads:
        try:
            check_readable(location / name, on_progress=on_progress, cancel=cancel)
        except IntegrityError as error:
            raise damaged(listing, [error.message]) from error
    return VerifyResult(listing, 1, size_bytes, depth.reads, size_bytes if depth.reads else 0)


class _Offset:
    """Adds what was done before to a progress."""

    def __init__(self, on_progress: Progress, before_bytes: int) -> None:
        self._on_progress = on_progress
        self._before_bytes = before_bytes

    def __call__(self, done_bytes: int) -> None:
        self._on_progress(self._before_bytes + done_bytes)


def _own_manifest(location: Path) -> Manifest:
    summary = read_summary(location)
    manifest = read_manifest(location, summary)
    if summarize(manifest, (location / layout.MANIFEST).read_bytes()) != summary:
        raise ManifestError(f"{layout.SUMMARY} says something else than {layout.MANIFEST}")
    return manifest


def _check_size(location: Path, stored: StoredObject) -> None:
    size_bytes = regular_size(location, stored.name)
    if size_bytes is None:
        raise IntegrityError(f"{stored.name} is missing")
    if size_bytes != stored.stored_size_bytes:
        raise IntegrityError(f"{stored.name} has {size_bytes} bytes instead of {stored.stored_size_bytes}")


def _check_content(
    location: Path, stored: StoredObject, manifest: Manifest, on_progress: Progress, cancel: CancelToken
) -> None:
    path = location / stored.name
    if stored.role == "archive":
        check_archive(
            path,
            expected_archive(manifest),
            archive_format=archive_format(manifest),
            on_progress=on_progress,
            cancel=cancel,
        )
        return
    with storage_errors(path, "Failed to read"), path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != stored.stored_sha256:
        raise IntegrityError(f"{stored.name} has another content: SHA-256 {sha256}")


def expected_archive(manifest: Manifest) -> StoredArchive:
    """What a manifest says of its archive."""
    archive = manifest.archive
    return StoredArchive(
        name=archive.name,
        size_bytes=archive.stored_size_bytes,
        sha256=archive.stored_sha256,
        plain_size_bytes=archive.plain_size_bytes,
        plain_sha256=archive.plain_sha256,
        files=tuple(StoredFile(file.name, file.size_bytes, file.sha256) for file in manifest.files),
    )


def archive_format(manifest: Manifest) -> ArchiveFormat:
    """How a manifest's archive is stored, going by its name.

    Raises:
        ManifestError: it isn't named as an archive of that table.
    """
    name = manifest.archive.name
    try:
        return ArchiveFormat(name.removeprefix(layout.archive_name(manifest.table.name, "")))
    except ValueError as error:
        raise ManifestError(f"{layout.MANIFEST} names {name!r} as the archive of {manifest.table.name}") from error
