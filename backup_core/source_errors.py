"""The operating system's errors on the node's own files, as ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backup_core.errors import PermissionDeniedError, SourceError


_AGAIN = "Take the backup again; if it happens again, look for I/O errors in the node's log."


@contextmanager
def source_errors(path: Path) -> Iterator[None]:
    """Translate an OSError of the block into the tree's error for a file or directory of the node.

    Raises:
        PermissionDeniedError: this user may not read it.
        SourceError: it isn't there, or can't be read for another reason.
    """
    try:
        yield
    except OSError as error:
        message = f"Failed to read {error.filename or path}: {error.strerror or error}"
        if error.errno in (errno.EACCES, errno.EPERM):
            raise PermissionDeniedError(
                message, hint="Run as a user in the group that may read ScyllaDB's data directory (scylla)."
            ) from error
        raise SourceError(message, hint=_AGAIN) from error
