"""Checking a stored archive: every byte of it against what was recorded when it was written."""

import hashlib
from collections.abc import Callable, Container
from contextlib import closing
from pathlib import Path

from backup_core.archive_reader import ArchiveMember, read_members
from backup_core.cancel import CancelToken
from backup_core.compression import ArchiveFormat
from backup_core.errors import IntegrityError
from backup_core.model import StoredArchive, StoredFile
from backup_core.plain_stream import ArchiveTotals, PlainStream


NAMED_MEMBERS = 3
"""How many of those that are missing an error names."""


def check_archive(
    path: Path,
    expected: StoredArchive,
    *,
    archive_format: ArchiveFormat,
    on_progress: Callable[[int], None],
    cancel: CancelToken,
) -> None:
    """Read a whole archive once, and compare the file, the tar stream and each member with `expected`.

    Args:
        path: the archive.
        expected: what `write_archive` returned for it.
        archive_format: how it is stored.
        on_progress: hears how many bytes of the stored file have been read.
        cancel: looked at before each block.

    Raises:
        IntegrityError: something differs; the message names what.
        PermissionDeniedError: this user may not read it.
        StorageError: it can't be read.
        RunCancelledError: `cancel` was set.
    """
    plain = PlainStream(
        path,
        archive_format,
        most_plain_bytes=expected.plain_size_bytes,
        on_progress=on_progress,
        cancel=cancel,
    )
    with closing(plain):
        try:
            _check_members(plain, expected)
            check_totals(plain, plain.finish(), expected)
        except IntegrityError as error:
            if plain.stored_size_bytes == expected.size_bytes:
                raise
            sizes = f"{plain.stored_size_bytes} bytes instead of {expected.size_bytes}"
            raise IntegrityError(f"{error.message}; the file has {sizes}", hint=error.hint) from error


def require_all(plain: PlainStream, expected: StoredArchive, found: Container[str]) -> None:
    """Make sure that everything was in an archive.

    Raises:
        IntegrityError: files are missing; the message names the first of them.
    """
    missing = [file.name for file in expected.files if file.name not in found]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing[:NAMED_MEMBERS])
        raise plain.damaged(f"{len(missing)} of {len(expected.files)} files are not in it: {names}")


def check_totals(plain: PlainStream, found: ArchiveTotals, expected: StoredArchive) -> None:
    """Compare what a whole archive was found to be with what it should be.

    Raises:
        IntegrityError: the tar stream or the stored file differs; the message names how.
    """
    if found.plain_size_bytes != expected.plain_size_bytes:
        raise plain.damaged(f"its tar stream has {found.plain_size_bytes} bytes instead of {expected.plain_size_bytes}")
    if found.plain_sha256 != expected.plain_sha256:
        raise plain.damaged(f"its tar stream has SHA-256 {found.plain_sha256} instead of {expected.plain_sha256}")
    if found.size_bytes != expected.size_bytes:
        raise plain.damaged("something was added to it or cut off")
    if found.sha256 != expected.sha256:
        raise plain.damaged(f"it has SHA-256 {found.sha256} instead of {expected.sha256}")


def _check_members(plain: PlainStream, expected: StoredArchive) -> None:
    wanted = {file.name: file for file in expected.files}
    found = set()
    for member in read_members(plain):
        file = None if member.name in found else wanted.get(member.name)
        if file is None:
            raise plain.damaged(f"'{member.name}' is in it, and wasn't put in")
        found.add(member.name)
        _check_member(plain, member, file)
    require_all(plain, expected, found)


def _check_member(plain: PlainStream, member: ArchiveMember, file: StoredFile) -> None:
    if member.size_bytes != file.size_bytes:
        raise plain.damaged(f"'{file.name}' has {member.size_bytes} bytes in it instead of {file.size_bytes}")
    sha256 = hashlib.sha256()
    for chunk in member.chunks:
        sha256.update(chunk)
    if sha256.hexdigest() != file.sha256:
        raise plain.damaged(f"'{file.name}' has SHA-256 {sha256.hexdigest()} in it instead of {file.sha256}")
