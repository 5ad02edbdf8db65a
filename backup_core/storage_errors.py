"""The operating system's errors on a repository's or the state directory's paths, as ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup_core.errors import PermissionDeniedError, StorageError, StorageFullError


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def storage_errors(path: Path | str, what: str = "Failed to write") -> Iterator[None]:
    """Translate an OSError of the block into the tree's error for `path`.

    Args:
        path: what the message names where the error names no file itself.
        what: how the message starts.

    Raises:
        StorageFullError: no space, no quota, or the file would be too large.
        PermissionDeniedError: not ours to write, or a read-only file system.
        StorageError: anything else that the operating system says.
    """
    try:
        yield
    except OSError as error:
        message = f"{what} {error.filename or path}: {error.strerror or error}"
        if error.errno in _FULL:
            raise StorageFullError(
                message, hint="Free up disk space, or set the repository's path to a larger disk."
            ) from error
        if error.errno in _DENIED:
            raise PermissionDeniedError(
                message, hint="Run as the user that owns it, give that user the right to write, or change the path."
            ) from error
        in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
        hint = "Something that isn't a directory stands in the way: move it elsewhere, or change the path."
        raise StorageError(message, hint=hint if in_the_way else "") from error
