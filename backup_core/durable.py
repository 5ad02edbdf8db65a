"""Files of ours, in repositories and in the state directory: what has been written is on the disk, whatever comes."""

import errno
import os
import stat
from pathlib import Path

from backup_core.errors import StorageError
from backup_core.ownership import as_owner_of
from backup_core.storage_errors import storage_errors


DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

_TEMPORARY = ".tmp"


def read_file(path: Path | str) -> bytes | None:
    """The content of a file; None if there is none.

    Args:
        path: as text where thousands are read: that is quicker than a Path.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to read"):
        try:
            with open(path, "rb") as file:  # noqa: PTH123  (see `path`)
                return file.read()
        except FileNotFoundError:
            return None


def write_file(path: Path, content: bytes) -> None:
    """Write a new file that only this user may read.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to write"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def replace_file(path: Path, content: bytes, *, parents: bool = False) -> None:
    """Write a file over the former one of its name: whoever reads it finds the one or the other, and all of it.

    It belongs to the owner of its directory, also when root writes it. One at a time may do so.

    Args:
        path: in a directory that is one itself, and no link.
        content: of the file.
        parents: make the directory, and those above it, unless they are there.

    Raises:
        StorageError: there is no such directory.
        BackupError: as the operating system refuses.
    """
    directory, temporary = path.parent, path.with_name(f"{path.name}{_TEMPORARY}")
    with as_owner_of(directory), storage_errors(path, "Failed to write"):
        if parents:
            directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        require_directory(directory)
        temporary.unlink(missing_ok=True)
        write_file(temporary, content)
        temporary.rename(path)
        sync_directory(directory)


def remove_file(path: Path) -> None:
    """Remove a file for good; that there is none is no error.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to remove"):
        try:
            path.unlink()
        except FileNotFoundError:
            return
    sync_directory(path.parent)


def sync_file(path: Path) -> None:
    """Bring a file that somebody else has written to the disk, and take everybody else's rights to it away.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to sync"):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(descriptor, FILE_MODE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Bring a directory's entries to the disk.

    Raises:
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to sync"):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make a directory for this user alone, unless it is there.

    Raises:
        BackupError: as the operating system refuses, or if something else has that name.
    """
    with storage_errors(path, "Failed to create backup folder"):
        try:
            path.mkdir(mode=DIRECTORY_MODE)
        except FileExistsError:
            require_directory(path)
            return
    sync_directory(path.parent)


def require_writable(path: Path) -> None:
    """Make sure that this user may write into a directory, before any work goes into what would be put there.

    Raises:
        PermissionDeniedError: if not, or if its file system is read-only.
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to write into"):
        if not os.access(path, os.W_OK | os.X_OK):
            number = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(number, os.strerror(number), str(path))


def require_directory(path: Path) -> None:
    """Make sure that a path is a directory itself: a link that somebody has planted must not lead us elsewhere.

    Raises:
        StorageError: if it is something else.
        BackupError: as the operating system refuses.
    """
    with storage_errors(path, "Failed to read"):
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise StorageError(f"{path} isn't a directory", hint="A link or a file has its name: move it elsewhere.")
