"""A table's `upload/`: SSTables are linked into it from staging, and what the node hasn't taken is removed again.

The rules are sstable_directory.cc's: every file belongs to ScyllaDB's user; no other file may be there; an SSTable
without its TOC.txt is deleted without a word, and the request succeeds. So TOC.txt comes last, and goes first.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from backup_core.errors import PermissionDeniedError, SettingsError, SourceError
from backup_core.identity import acting_as
from backup_core.model import SourceFile, SSTable, Table
from backup_core.restore.directories import OpenDirectory, directory_errors, open_directory
from backup_core.sstable_files import TOC


_ROOT = 0


@contextmanager
def opened_upload(data_directories: Iterable[Path], table: Table) -> Iterator["Upload"]:
    """The `upload/` of a table, with no link between it and the data directory.

    Args:
        data_directories: the node's, the first that has the table counts.
        table: which has to exist.

    Raises:
        SourceError: it isn't there, or a link or a file is in its place.
        PermissionDeniedError: this user may not look.
    """
    with ExitStack() as stack:
        missing: SourceError | None = None
        for path in data_directories:
            found = stack.enter_context(open_directory(path, follow=True))
            try:
                for name in (table.keyspace, table.directory_name, "upload"):
                    found = stack.enter_context(found.directory(name))
            except SourceError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
                missing = error
                continue
            yield Upload(found)
            return
        hint = "Is node.data_dirs the data directory of the node that has this table?"
        raise SourceError(missing.message if missing else "There is no data directory.", hint=hint) from missing


class Upload:
    """An open `upload/`.

    Attributes:
        directory: what it is.
    """

    def __init__(self, directory: OpenDirectory) -> None:
        self.directory = directory

    def refuse_if_occupied(self) -> None:
        """Make sure that nothing is in it: the node would load that as well, or fail because of it.

        Raises:
            SourceError: something is.
        """
        self.directory.refuse_if_occupied("Somebody else has put that there: have it loaded, or move it elsewhere.")

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that an earlier try of the same restore has left, by their names.

        Raises:
            SourceError, PermissionDeniedError: as the operating system refuses.
        """
        with acting_as(self.directory.owner, self.directory.path):
            for name in sorted(set(names) & set(self.directory.names()), key=_toc_first):
                self.directory.remove(name)

    def place(self, staging: OpenDirectory, sstables: Sequence[SSTable]) -> "Placed":
        """Link SSTables into it, each with its TOC.txt last; nothing of them is left there if this raises.

        Args:
            staging: where their files are, and stay.
            sstables: which.

        Raises:
            SettingsError: staging is on another file system.
            SourceError: something isn't as it was staged, or somebody else has put files there.
            PermissionDeniedError: this user may not, or the files aren't of the user that the node wants.
        """
        placed = Placed(self.directory)
        try:
            with acting_as(self.directory.owner, self.directory.path):
                for sstable in sstables:
                    for file in sorted(sstable.components, key=_toc_first, reverse=True):
                        placed.add(staging, file)
        except BaseException:
            placed.remove()
            raise
        return placed


class Placed:
    """Files that were linked into an `upload/`."""

    def __init__(self, directory: OpenDirectory) -> None:
        self._directory = directory
        self._inodes: dict[str, int] = {}

    def add(self, staging: OpenDirectory, file: SourceFile) -> None:
        """Link one more file; see `Upload.place`."""
        directory = self._directory
        with _link_errors(staging.path, directory.path / file.name):
            os.link(
                file.name,
                file.name,
                src_dir_fd=staging.descriptor,
                dst_dir_fd=directory.descriptor,
                follow_symlinks=False,
            )
        status = directory.status(file.name)
        if status is None:
            raise SourceError(f"{directory.path / file.name} has vanished as soon as it was there.")
        self._inodes[file.name] = status.st_ino
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size_bytes:
            raise SourceError(
                f"{staging.path / file.name} isn't the file that was staged.", hint="Look who else works there."
            )
        # A ScyllaDB that runs as root takes anybody's files (utils/directories.cc).
        if directory.owner.user_id not in (status.st_uid, _ROOT):
            raise PermissionDeniedError(
                f"{directory.path} belongs to {directory.owner.name}, the files in {staging.path} don't.",
                hint="Set node.restore_staging to a directory on the disk of the first data directory.",
            )

    def left(self) -> tuple[str, ...]:
        """Names of those that are still there.

        Raises:
            SourceError, PermissionDeniedError: as the operating system refuses.
        """
        return tuple(name for name, inode in self._inodes.items() if self._is_ours(name, inode))

    def remove(self) -> None:
        """Remove those that are still there, and nothing that has taken a name of theirs.

        Raises:
            SourceError, PermissionDeniedError: as the operating system refuses.
        """
        with acting_as(self._directory.owner, self._directory.path):
            for name in sorted(self.left(), key=_toc_first):
                self._directory.remove(name)

    def _is_ours(self, name: str, inode: int) -> bool:
        status = self._directory.status(name)
        return status is not None and status.st_ino == inode


def _toc_first(item: str | SourceFile) -> bool:
    name = item if isinstance(item, str) else item.name
    return not name.endswith(TOC)


@contextmanager
def _link_errors(staging: Path, target: Path) -> Iterator[None]:
    with directory_errors(target, "Failed to link"):
        try:
            yield
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            raise SettingsError(
                f"node.restore_staging: files can't be linked from {staging} to {target.parent}.",
                hint="Set it to a directory on the same file system and mount.",
            ) from error
