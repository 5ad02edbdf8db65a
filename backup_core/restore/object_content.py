"""The content of an incremental backup: an object for each SSTable's Data.db, and a tar for its other files.

Only the objects of SSTables that are wanted are read, each to its end and held against the manifest, as stored and as
plain. The snapshot's own files are always read: they tell which table the SSTables are of.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from backup_core.archive_reader import ArchiveMember, read_members
from backup_core.cancel import CancelToken
from backup_core.compression import BLOCK_BYTES
from backup_core.errors import IntegrityError, ManifestError
from backup_core.identity import acting_as
from backup_core.model import SourceFile, StoredFile
from backup_core.plain_blocks import PlainBlocks
from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import ArchivedFile, Manifest, StoredObject
from backup_core.repository.protocol import Repository
from backup_core.restore.content import Unpacked
from backup_core.restore.directories import OpenDirectory
from backup_core.restore.snapshot_files import SCHEMA_NAME, check_names
from backup_core.restore.unpacking import FileReader
from backup_core.sstable_files import DATA, parse_component
from backup_core.tar_format import stream_size_bytes


@dataclass(frozen=True, slots=True)
class Part:
    """An object that is read once, and the files that come out of it."""

    stored: StoredObject
    files: tuple[ArchivedFile, ...]

    def holds(self, prefixes: Container[str]) -> bool:
        """Whether it has a file of one of those SSTables."""
        return any(_prefix(file.name) in prefixes for file in self.files)


@dataclass(frozen=True, slots=True)
class ObjectContent:
    """The objects of a backup, and what has to come out of them. See `BackupContent`.

    Attributes:
        repository: that has it, open for reading.
        parts: in the order in which they are read.
    """

    repository: Repository
    listing: BackupListing
    parts: tuple[Part, ...]

    @property
    def address(self) -> str:
        """Where the backup is."""
        return self.listing.location

    @property
    def table_name(self) -> str:
        """Of the table that was backed up."""
        return self.listing.table

    @property
    def stored_size_bytes(self) -> int:
        """Size of all its objects."""
        return sum(part.stored.stored_size_bytes for part in self.parts)

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """All files that have to be in it."""
        return tuple(_source_file(file) for part in self.parts for file in part.files)

    def unpack(
        self,
        into: OpenDirectory | None,
        *,
        wanted: Callable[[str], bool],
        most_bytes: int,  # noqa: ARG002  (see `BackupContent`: everything tells how large it is)
        on_progress: Callable[[int], None],
        cancel: CancelToken,
    ) -> Unpacked:
        """Read the objects of the SSTables that are wanted."""
        parts = self.parts if into is None else self._needed(wanted)
        expected = {
            file.name: StoredFile(file.name, file.size_bytes, file.sha256) for part in parts for file in part.files
        }
        reader = FileReader(self.table_name, expected, into, wanted, self._damaged)
        read_bytes = 0
        for part in parts:
            heard = _Progress(on_progress, read_bytes, part.stored)
            with self.repository.read(self.listing, part.stored) as blocks, _owner_of(into):
                self._read(reader, part, _watched(blocks, heard, cancel))
            read_bytes += part.stored.stored_size_bytes
            on_progress(read_bytes)
        return Unpacked(self, read_bytes, reader.sstables())

    def _needed(self, wanted: Callable[[str], bool]) -> tuple[Part, ...]:
        """The objects of each SSTable of which any file is wanted, and the one with the snapshot's own files."""
        names = (file.name for part in self.parts for file in part.files)
        prefixes = {_prefix(SCHEMA_NAME), *(_prefix(name) for name in names if wanted(name))}
        return tuple(part for part in self.parts if part.holds(prefixes))

    def _read(self, reader: FileReader, part: Part, blocks: Iterator[bytes]) -> None:
        if part.stored.role == "data":
            (file,) = part.files
            reader.take(ArchiveMember(file.name, file.size_bytes, blocks))
            return
        tar = _TarBlocks(blocks, lambda reason: self._damaged(f"in {part.stored.name} {reason}"))
        missing = {file.name for file in part.files}
        for member in read_members(tar):
            if member.name not in missing:
                raise tar.damaged(f"'{member.name}' is in it, and wasn't put in")
            missing.remove(member.name)
            reader.take(member)
        tar.read_padding(BLOCK_BYTES)
        if missing:
            raise tar.damaged(f"{len(missing)} of {len(part.files)} files are not in it: '{min(missing)}'")

    def _damaged(self, reason: str) -> IntegrityError:
        return IntegrityError(
            f"{self.address} is damaged: {reason}", hint="Don't restore from it; use another backup: see `list`."
        )


def object_content(repository: Repository, listing: BackupListing, manifest: Manifest) -> ObjectContent:
    """The content of an incremental backup, going by its manifest, which must not contradict itself.

    Args:
        repository: that has it, open for reading.
        listing: the backup.
        manifest: its own.

    Raises:
        ManifestError: it does, or names what is no file of an SSTable.
    """
    files: defaultdict[str | None, list[ArchivedFile]] = defaultdict(list)
    for file in manifest.files:
        files[file.object].append(file)
    try:
        check_names(map(_source_file, manifest.files))
        parts = [part for stored in manifest.objects for part in _parts(stored, files[stored.name])]
    except IntegrityError as error:
        raise ManifestError(
            f"The manifest in {listing.location} can't be true: {error.message}.", hint="Use another backup."
        ) from error
    return ObjectContent(repository, listing, tuple(parts))


def _parts(stored: StoredObject, files: Sequence[ArchivedFile]) -> Iterator[Part]:
    """How an object is read: once; but where several SSTables have the same data, for each of them."""
    if stored.role == "data" and files:
        for file in files:
            if not file.name.endswith(f"-{DATA}") or (file.size_bytes, file.sha256) != _plain(stored):
                raise IntegrityError(f"object {stored.name} isn't {file.name}")
            yield Part(stored, (file,))
    elif stored.role == "components" and stream_size_bytes(map(_source_file, files)) == stored.plain_size_bytes:
        yield Part(stored, tuple(files))
    else:
        raise IntegrityError(f"object {stored.name} holds something else than the files that should be in it")


def _plain(stored: StoredObject) -> tuple[int, str]:
    return stored.plain_size_bytes, stored.plain_sha256


class _TarBlocks(PlainBlocks):
    """The tar stream in an object."""

    def __init__(self, blocks: Iterator[bytes], damaged: Callable[[str], IntegrityError]) -> None:
        super().__init__()
        self._blocks = blocks
        self._make_error = damaged

    def damaged(self, reason: str) -> IntegrityError:
        return self._make_error(reason)

    def _next_block(self) -> bytes:
        return next(self._blocks, b"")


class _Progress:
    """Hears of plain bytes of one object, and tells of stored ones: no store says how many of those were read."""

    def __init__(self, on_progress: Callable[[int], None], before_bytes: int, stored: StoredObject) -> None:
        self._on_progress = on_progress
        self._before_bytes = before_bytes
        self._stored = stored

    def __call__(self, plain_bytes: int) -> None:
        share = plain_bytes / max(self._stored.plain_size_bytes, 1)
        self._on_progress(self._before_bytes + int(min(share, 1.0) * self._stored.stored_size_bytes))


def _watched(blocks: Iterator[bytes], heard: Callable[[int], None], cancel: CancelToken) -> Iterator[bytes]:
    plain_bytes = 0
    for block in blocks:
        cancel.raise_if_set()
        plain_bytes += len(block)
        heard(plain_bytes)
        yield block


def _owner_of(into: OpenDirectory | None) -> AbstractContextManager[None]:
    """Who writes. Objects are opened before, as the caller, who may read what the directory's owner may not."""
    return nullcontext() if into is None else acting_as(into.owner, into.path)


def _source_file(file: ArchivedFile) -> SourceFile:
    return SourceFile(file.name, file.size_bytes)


def _prefix(name: str) -> str:
    """What the names of all files of an SSTable start with; of the snapshot's own files nothing."""
    parsed = parse_component(name)
    return parsed.prefix if parsed else ""
