"""A directory held by its descriptor: what is done in it is done there, wherever its path may lead by now.

ScyllaDB's user can plant links below its own directories at any moment, so that no path is looked up twice here, and
no link is ever followed.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from backup_core.errors import PermissionDeniedError, SourceError, StorageFullError
from backup_core.identity import Owner, owner_of


FILE_MODE = 0o640
"""ScyllaDB wants to read and write its files; its group may read them, as all that backs it up has to."""
DIRECTORY_MODE = 0o700

NAMED_FILES = 3
"""How many of those that are in the way an error names."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_DIRECTORY = (errno.ELOOP, errno.ENOTDIR)


class OpenDirectory:
    """One directory; `open_directory` and `directory` open it.

    Attributes:
        path: where it was when it was opened, for messages.
        descriptor: of the directory.
        owner: who it belongs to.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.owner: Owner = owner_of(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self.descriptor)

    def directory(self, name: str) -> "OpenDirectory":
        """Open a directory in it, which must be one itself.

        Raises:
            SourceError: it is a link, a file, or isn't there.
            PermissionDeniedError: this user may not.
        """
        with directory_errors(self.path / name, "Failed to open"):
            return OpenDirectory(self.path / name, os.open(name, _DIRECTORY_FLAGS, dir_fd=self.descriptor))

    def make_directory(self, name: str) -> None:
        """Make a new directory for this user alone.

        Raises:
            SourceError: something has that name.
            StorageFullError, PermissionDeniedError: as the operating system refuses.
        """
        with directory_errors(self.path / name, "Failed to make"):
            os.mkdir(name, DIRECTORY_MODE, dir_fd=self.descriptor)

    def create(self, name: str) -> int:
        """Create a new file, and return its descriptor, which is the caller's to close.

        Raises:
            SourceError: something has that name, be it a link that leads nowhere.
            StorageFullError, PermissionDeniedError: as the operating system refuses.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with directory_errors(self.path / name, "Failed to create"):
            return os.open(name, flags, FILE_MODE, dir_fd=self.descriptor)

    def names(self) -> tuple[str, ...]:
        """What is in it, sorted.

        Raises:
            SourceError, PermissionDeniedError: it can't be read.
        """
        with directory_errors(self.path, "Failed to list"):
            return tuple(sorted(os.listdir(self.descriptor)))  # noqa: PTH208  (Path knows no descriptors)

    def refuse_if_occupied(self, hint: str) -> None:
        """Make sure that nothing is in it.

        Args:
            hint: what to do about it.

        Raises:
            SourceError: something is.
            PermissionDeniedError: it can't be read.
        """
        names = self.names()
        if names:
            more = " ..." if len(names) > NAMED_FILES else ""
            raise SourceError(f"{self.path} isn't empty: {', '.join(names[:NAMED_FILES])}{more}", hint=hint)

    def status(self, name: str) -> os.stat_result | None:
        """Of what has that name itself; None if nothing has.

        Raises:
            SourceError, PermissionDeniedError: as the operating system refuses.
        """
        with directory_errors(self.path / name, "Failed to look at"):
            try:
                return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def remove(self, name: str) -> None:
        """Remove a name, and with it a directory's content; a link is removed itself. That it is gone is no error.

        Raises:
            SourceError, PermissionDeniedError: as the operating system refuses.
        """
        status = self.status(name)
        if status is None:
            return
        with directory_errors(self.path / name, "Failed to remove"):
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(name, dir_fd=self.descriptor)
            else:
                os.unlink(name, dir_fd=self.descriptor)


def open_directory(path: Path, *, follow: bool = False) -> OpenDirectory:
    """Open a directory by its path.

    Args:
        path: links above its last part are followed: they are the administrator's.
        follow: whether it may be a link itself.

    Raises:
        SourceError: it is a link, a file, or isn't there.
        PermissionDeniedError: this user may not.
    """
    flags = _DIRECTORY_FLAGS & ~os.O_NOFOLLOW if follow else _DIRECTORY_FLAGS
    with directory_errors(path, "Failed to open"):
        return OpenDirectory(path, os.open(path, flags))


@contextmanager
def directory_errors(path: Path, what: str) -> Iterator[None]:
    """Translate an OSError of the block into the tree's error.

    Args:
        path: what it is about.
        what: how the message starts.

    Raises:
        StorageFullError: no space, no quota, or the file would be too large.
        PermissionDeniedError: not this user's to read or write.
        SourceError: anything else.
    """
    try:
        yield
    except OSError as error:
        message = f"{what} {path}: {error.strerror or error}"
        if error.errno in _FULL:
            raise StorageFullError(message, hint="Free up space on that disk.") from error
        if error.errno in _DENIED:
            raise PermissionDeniedError(
                message, hint="Run it as root, or as the user that the directory belongs to."
            ) from error
        if error.errno in _NO_DIRECTORY:
            message = f"{path} is a symbolic link, or no directory: nothing is read or written through it"
            raise SourceError(message, hint="Look who has put it there, and move it elsewhere.") from error
        raise SourceError(message) from error


_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
