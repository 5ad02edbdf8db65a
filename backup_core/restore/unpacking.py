"""From an archive to plain files, in one pass that checks every byte.

Of a backup with a manifest: size and SHA-256 of the archive, of the tar stream in it and of each file. Of any backup:
names, that every SSTable has exactly the files that its TOC.txt lists, and that Data.db is what Digest.crc32 says.
Nothing counts before the pass has come to its end: whoever gave the directory removes it if this raises.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from isal import isal_zlib

from backup_core.archive_check import check_totals, require_all
from backup_core.archive_reader import ArchiveMember, read_members
from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError
from backup_core.identity import acting_as
from backup_core.model import SourceFile, SSTable, StoredArchive, StoredFile
from backup_core.plain_stream import PlainStream
from backup_core.restore.base_table import require_base_table
from backup_core.restore.content import Unpacked
from backup_core.restore.directories import OpenDirectory, directory_errors
from backup_core.restore.legacy_tar import read_legacy_members
from backup_core.restore.snapshot_files import SCHEMA_NAME, check_name, sstables_of
from backup_core.sstable_files import DATA, DIGEST, TOC, parse_component, parse_digest, wrong_components


if TYPE_CHECKING:
    from backup_core.restore.source_archive import SourceArchive


MOST_KEPT_BYTES = 1 << 20
"""Of a file that is looked into: a TOC.txt, a Digest.crc32, a schema.cql."""

WRITE_BACK_BYTES = 8 << 20

_KEPT = (TOC, DIGEST)


def unpack(
    archive: "SourceArchive",
    into: OpenDirectory | None,
    *,
    wanted: Callable[[str], bool],
    most_bytes: int,
    on_progress: Callable[[int], None],
    cancel: CancelToken,
) -> Unpacked:
    """Read an archive once from its beginning to its end, check all of it, and write what is wanted of it.

    Args:
        archive: opened as the caller; files are written as the owner of `into`.
        into: a directory for the files; None to check only.
        wanted: whether a file of that name is written; all are checked.
        most_bytes: how large the tar stream may be where nothing tells how large it has to be.
        on_progress: hears how many bytes of the stored file have been read.
        cancel: looked at before each block.

    Returns:
        What it holds, wanted or not.

    Raises:
        IntegrityError: the archive isn't what it should be, or holds what has no place in a backup.
        PermissionDeniedError: this user may not read the archive, or not write as the directory's owner.
        StorageError: the archive can't be read.
        StorageFullError, SourceError: a file can't be written.
        RunCancelledError: `cancel` was set.
    """
    expected = archive.expected
    plain = PlainStream(
        archive.path,
        archive.archive_format,
        most_plain_bytes=most_bytes if expected is None else expected.plain_size_bytes,
        on_progress=on_progress,
        cancel=cancel,
    )
    with ExitStack() as stack:
        stack.enter_context(closing(plain))
        if into is not None:
            stack.enter_context(acting_as(into.owner, into.path))
        known = None if expected is None else {file.name: file for file in expected.files}
        reader = FileReader(archive.table_name, known, into, wanted, plain.damaged)
        members = read_legacy_members if archive.is_legacy else read_members
        for member in members(plain):
            reader.take(member)
        totals = plain.finish()
        if expected is not None:
            require_all(plain, expected, reader.files)
            check_totals(plain, totals, expected)
        stored = StoredArchive(
            archive.path.name,
            totals.size_bytes,
            totals.sha256,
            totals.plain_size_bytes,
            totals.plain_sha256,
            tuple(reader.files.values()),
        )
        return Unpacked(replace(archive, expected=stored), totals.size_bytes, reader.sstables())


class FileReader:
    """Takes the files of one backup as they come, checks each, and writes what is wanted.

    Args:
        table_name: of the table that they should be of.
        expected: what has to come, by name; None where nothing tells.
        into: a directory for the files; None to check only.
        wanted: whether a file of that name is written.
        damaged: makes the error that says of what something is wrong.

    Attributes:
        files: what has been read so far, by name.
    """

    def __init__(
        self,
        table_name: str,
        expected: Mapping[str, StoredFile] | None,
        into: OpenDirectory | None,
        wanted: Callable[[str], bool],
        damaged: Callable[[str], IntegrityError],
    ) -> None:
        self.files: dict[str, StoredFile] = {}
        self._table_name = table_name
        self._expected = expected
        self._into = into
        self._wanted = wanted
        self._damaged = damaged
        self._kept: dict[str, str] = {}
        self._crc32: dict[str, int] = {}

    def take(self, member: ArchiveMember) -> None:
        """Read a file.

        Raises:
            IntegrityError: it isn't one of those that should come, or not as it should be.
            StorageFullError, SourceError: it can't be written.
        """
        with self._named():
            check_name(member.name)
            self._check_expected(member)
        self.files[member.name] = self._read(member)

    def sstables(self) -> tuple[SSTable, ...]:
        """What was read, each SSTable found complete.

        Raises:
            IntegrityError: one isn't.
        """
        files = (SourceFile(file.name, file.size_bytes, self._crc32.get(file.name)) for file in self.files.values())
        with self._named():
            require_base_table(self._kept.get(SCHEMA_NAME), self._table_name)
            sstables = sstables_of(files)
            for sstable in sstables:
                self._check_complete(sstable)
        return sstables

    def _check_expected(self, member: ArchiveMember) -> None:
        if member.name in self.files:
            raise IntegrityError(f"'{member.name}' is in it twice")
        if self._expected is None:
            return
        file = self._expected.get(member.name)
        if file is None:
            raise IntegrityError(f"'{member.name}' is in it, and wasn't put in")
        if file.size_bytes != member.size_bytes:
            raise IntegrityError(f"'{file.name}' has {member.size_bytes} bytes in it instead of {file.size_bytes}")

    def _read(self, member: ArchiveMember) -> StoredFile:
        sha256, crc32, kept = hashlib.sha256(), 0, bytearray()
        is_data, is_kept = member.name.endswith(f"-{DATA}"), self._is_kept(member)
        with self._target(member.name) as write:
            for chunk in member.chunks:
                sha256.update(chunk)
                if is_data:
                    crc32 = isal_zlib.crc32(chunk, crc32)
                if is_kept:
                    kept += chunk
                write(chunk)
        if is_data:
            self._crc32[member.name] = crc32
        if is_kept:
            self._kept[member.name] = kept.decode(errors="replace")
        file = StoredFile(member.name, member.size_bytes, sha256.hexdigest())
        if self._expected is not None and self._expected[file.name] != file:
            wanted = self._expected[file.name].sha256
            raise self._damaged(f"'{file.name}' has SHA-256 {file.sha256} in it instead of {wanted}")
        return file

    def _is_kept(self, member: ArchiveMember) -> bool:
        parsed = parse_component(member.name)
        if not (member.name == SCHEMA_NAME or (parsed is not None and parsed.component in _KEPT)):
            return False
        if member.size_bytes > MOST_KEPT_BYTES:
            raise self._damaged(f"'{member.name}' has {member.size_bytes} bytes, which is too much for such a file")
        return True

    @contextmanager
    def _target(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Where a member's content goes: into a new file, or nowhere."""
        if self._into is None or not self._wanted(name):
            yield lambda _: None
            return
        file = _NewFile(self._into, name)
        with closing(file):
            yield file.write

    def _check_complete(self, sstable: SSTable) -> None:
        present = {file.name.removeprefix(f"{sstable.prefix}-") for file in sstable.components}
        listed = set(self._kept.get(f"{sstable.prefix}-{TOC}", "").split())
        if wrong := wrong_components(sstable.prefix, listed, present):
            raise IntegrityError(f"it {wrong}")
        digest = f"{sstable.prefix}-{DIGEST}"
        try:
            crc32 = parse_digest(self._kept[digest])
        except ValueError as error:
            raise IntegrityError(f"in '{digest}' {error}") from error
        found = self._crc32[f"{sstable.prefix}-{DATA}"]
        if found != crc32:
            raise IntegrityError(f"'{sstable.prefix}-{DATA}' has CRC-32 {found}, its {DIGEST} says {crc32}")

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say of which archive something is wrong."""
        try:
            yield
        except IntegrityError as error:
            raise self._damaged(error.message) from error


class _NewFile:
    """A file that is written from its beginning to its end; the disk is set to work early."""

    def __init__(self, directory: OpenDirectory, name: str) -> None:
        self._path = directory.path / name
        self._descriptor = directory.create(name)
        self._size_bytes = 0
        self._written_back_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append all of `chunk`."""
        left = memoryview(chunk)
        with directory_errors(self._path, "Failed to write"):
            while left:
                left = left[os.write(self._descriptor, left) :]
        self._size_bytes += len(chunk)
        if self._size_bytes - self._written_back_bytes >= WRITE_BACK_BYTES:
            # On pages that aren't on the disk yet this begins to write them (mm/fadvise.c); it frees those that are.
            os.posix_fadvise(self._descriptor, 0, self._size_bytes, os.POSIX_FADV_DONTNEED)
            self._written_back_bytes = self._size_bytes

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)
