"""What a restore reads of a backup: the files of its snapshot, however they are stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from backup_core.cancel import CancelToken
from backup_core.model import SourceFile, SSTable
from backup_core.restore.directories import OpenDirectory


class BackupContent(Protocol):
    """The content of one backup. `SourceArchive` is an archive, `ObjectContent` objects that backups share."""

    @property
    def address(self) -> str:
        """Where it is, for people: the archive's path, or s3://..."""
        ...

    @property
    def table_name(self) -> str:
        """Of the table that was backed up."""
        ...

    @property
    def stored_size_bytes(self) -> int:
        """How much is read at most: its size as it is stored."""
        ...

    @property
    def files(self) -> tuple[SourceFile, ...] | None:
        """All files that have to be in it; None where nothing tells that before it has been read."""
        ...

    def unpack(
        self,
        into: OpenDirectory | None,
        *,
        wanted: Callable[[str], bool],
        most_bytes: int,
        on_progress: Callable[[int], None],
        cancel: CancelToken,
    ) -> "Unpacked":
        """Read it once, check all that is read, and write what is wanted of it.

        Args:
            into: a directory for the files, which are written as its owner; None to read and check everything.
            wanted: whether a file of that name is written. What isn't needed for any of those may be left unread.
            most_bytes: how large the files may be together where nothing tells how large they have to be.
            on_progress: hears how many bytes of what is stored have been read.
            cancel: looked at before each block.

        Raises:
            IntegrityError: it isn't what it should be, or holds what has no place in a backup.
            PermissionDeniedError: this user may not read it, or not write as the directory's owner.
            StorageError: it can't be read.
            StorageFullError, SourceError: a file can't be written.
            RunCancelledError: `cancel` was set.
        """
        ...


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was found in a backup's content, all of it checked.

    Attributes:
        content: the same, with `files` known.
        stored_size_bytes: how much of what is stored was read.
        sstables: that were read, each complete, with the CRC-32 of its Data.db.
    """

    content: BackupContent
    stored_size_bytes: int
    sstables: tuple[SSTable, ...]
