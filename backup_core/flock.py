"""Locks on files: the kernel drops one with the process that held it, so nothing is ever left to be deleted by hand."""

import fcntl
import os
from pathlib import Path


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file, to hold it until the file is closed; False if another process has it.

    Raises:
        OSError: it can't be locked.
    """
    return _try(descriptor, fcntl.LOCK_EX)


def is_held(descriptor: int) -> bool:
    """Whether another process has the lock of an open file: it is alive.

    Raises:
        OSError: as for `try_lock`.
    """
    return not _try(descriptor, fcntl.LOCK_SH)


def is_file_held(path: Path) -> bool:
    """Whether a process has the lock of a file; False where there is no such file, or this user may not look."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return is_held(descriptor)
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
