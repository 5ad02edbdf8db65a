"""Directories below a root, held by their descriptors: no link that somebody has planted leads elsewhere."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from backup_core.durable import DIRECTORY_MODE
from backup_core.errors import StorageError
from backup_core.repository import layout
from backup_core.storage_errors import storage_errors


_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_DIRECTORY = (errno.ELOOP, errno.ENOTDIR)


@contextmanager
def path_errors(path: Path, what: str) -> Iterator[None]:
    """Translate an OSError of the block, whose names are relative to descriptors, into the tree's error for `path`.

    Raises:
        StorageError: a link, or something else that isn't what it should be, has one of the names.
        BackupError: anything else that the operating system says.
    """
    with storage_errors(path, what):
        try:
            yield
        except OSError as error:
            if error.errno in _NO_DIRECTORY:
                raise StorageError(
                    f"{what} {path}: a symbolic link or a file stands in the way, and nothing is done through it",
                    hint="Look who has put it there, and move it elsewhere.",
                ) from error
            error.filename = str(path)
            raise


@contextmanager
def opened_folder(root: Path, parts: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """The descriptor of a directory below a root, which itself may be a link.

    Args:
        root: is there.
        parts: names of the directories from there on.
        make: whether those that are missing are made, for this user alone.

    Raises:
        FileNotFoundError: one is missing, and `make` wasn't given.
        OSError: a link or a file has the name of one, or as the operating system refuses.
    """
    descriptor = os.open(root, _FLAGS & ~os.O_NOFOLLOW)
    try:
        for part in parts:
            if make:
                _make(part, descriptor)
            below = os.open(part, _FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def remove_empty_folders(root: Path, parts: Sequence[str]) -> None:
    """Remove a directory below a root if nothing is in it, and those above it, up to the root's own.

    Raises:
        OSError: a link or a file has the name of one, or as the operating system refuses.
    """
    for depth in range(len(parts), 0, -1):
        with suppress(FileNotFoundError), opened_folder(root, parts[: depth - 1]) as above:
            try:
                os.rmdir(parts[depth - 1], dir_fd=above)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise
                return
            os.fsync(above)


def files_below(descriptor: int, folder: str, start: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """All regular files below a directory with their paths, in the order of these; links are passed over.

    Args:
        descriptor: of the directory.
        folder: what their paths start with; empty, or ends with `/`.
        start: what the names in the directory itself start with.
    """
    with os.scandir(descriptor) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if entry.name.startswith(start)]
    # A directory's name sorts as its files' paths do: "a-b" stands before "a/b", though "a" stands before "a-b".
    for name, is_directory in sorted(found, key=lambda entry: entry[0] + "/" * entry[1]):
        if not folder and name.startswith(layout.TEMPORARY_PREFIX):
            continue
        # Whoever removes at the same time may be faster.
        with suppress(FileNotFoundError):
            if is_directory:
                yield from _files_in(name, descriptor, f"{folder}{name}/")
            elif stat.S_ISREG((status := os.stat(name, dir_fd=descriptor, follow_symlinks=False)).st_mode):
                yield f"{folder}{name}", status


def _files_in(name: str, above: int, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    descriptor = os.open(name, _FLAGS, dir_fd=above)
    try:
        yield from files_below(descriptor, folder)
    finally:
        os.close(descriptor)


def _make(part: str, above: int) -> None:
    try:
        os.mkdir(part, DIRECTORY_MODE, dir_fd=above)
    except FileExistsError:
        return
    os.fsync(above)
