"""The archive of a backup that is to be restored, and what is known of its content before it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.compression import ArchiveFormat
from backup_core.model import SourceFile, StoredArchive
from backup_core.restore.content import Unpacked
from backup_core.restore.directories import OpenDirectory
from backup_core.restore.unpacking import unpack
from backup_core.storage_errors import storage_errors


@dataclass(frozen=True, slots=True)
class SourceArchive:
    """An archive, and what has to come out of it. See `BackupContent`.

    Attributes:
        table_name: of the table that was backed up.
        expected: what it held when it was written; None if nothing tells.
        is_legacy: the predecessor has made it.
    """

    path: Path
    archive_format: ArchiveFormat
    table_name: str
    expected: StoredArchive | None
    is_legacy: bool = False

    @property
    def address(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def stored_size_bytes(self) -> int:
        """Size of the archive.

        Raises:
            BackupError: nothing tells it, and it can't be looked at.
        """
        if self.expected is not None:
            return self.expected.size_bytes
        with storage_errors(self.path, "Failed to read"):
            return self.path.stat().st_size

    @property
    def files(self) -> tuple[SourceFile, ...] | None:
        """All files that are expected in it; None where nothing tells."""
        if self.expected is None:
            return None
        return tuple(SourceFile(file.name, file.size_bytes) for file in self.expected.files)

    def unpack(
        self,
        into: OpenDirectory | None,
        *,
        wanted: Callable[[str], bool],
        most_bytes: int,
        on_progress: Callable[[int], None],
        cancel: CancelToken,
    ) -> Unpacked:
        """Read it from its beginning to its end, whatever is wanted of it."""
        return unpack(self, into, wanted=wanted, most_bytes=most_bytes, on_progress=on_progress, cancel=cancel)
