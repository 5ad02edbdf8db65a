"""A directory as a storage: each object is a file whose path below the root is its key.

An object gets its name when all of it is on the disk; until then it is below a `~tmp-` directory of the root, which is
locked while this storage is in use: what a process that died has left there, `clear_up` of the next one removes.
"""

import errno
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from backup_core.durable import DIRECTORY_MODE, sync_directory
from backup_core.errors import NotFoundError, ObjectExistsError, ObjectNotFoundError
from backup_core.repository.staging import remove_debris, temporary_directories, temporary_directory
from backup_core.repository.storage.keys import check_folder, check_key, check_prefix, is_key
from backup_core.repository.storage.local_files import blocks_of, is_object, object_info, write_content
from backup_core.repository.storage.local_folders import files_below, opened_folder, path_errors, remove_empty_folders
from backup_core.repository.storage.protocol import Capabilities, Content, ObjectInfo
from backup_core.storage_errors import storage_errors


_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)
"""How file systems refuse hard links that have none."""


class LocalStorage:
    """Objects in a directory, for this user alone.

    Args:
        root: made by the first put; may be a symbolic link. No link below it is ever followed.
    """

    def __init__(self, root: Path) -> None:
        self.address = str(root)
        self.capabilities = Capabilities(conditional_put=True, checksums=False, batch_delete=False, resumes_parts=False)
        self._root = root
        self._lock = threading.Lock()
        self._staging: Path | None = None
        self._resources = ExitStack()

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object: a file that is whole and on the disk before it has its name."""
        check_key(key)
        written = self._staging_directory() / secrets.token_hex(8)
        if if_absent and self.stat(key):
            raise self._exists(key)
        try:
            write_content(written, content)
            return self._publish(written, key, if_absent=if_absent)
        finally:
            with storage_errors(written, "Failed to remove"):
                written.unlink(missing_ok=True)

    @contextmanager
    def get(self, key: str, *, offset_bytes: int = 0) -> Iterator[Iterator[bytes]]:
        """The content of an object."""
        with ExitStack() as resources:
            descriptor = self._open(key, resources)
            os.lseek(descriptor, offset_bytes, os.SEEK_SET)
            yield blocks_of(descriptor, self._root / key)

    def stat(self, key: str) -> ObjectInfo | None:
        """An object, or None."""
        *folder, name = check_key(key).split("/")
        path = self._root / key
        with self._reading(path, "Failed to look at"), opened_folder(self._root, folder) as directory:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            return object_info(key, status) if is_object(path, status) else None
        return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys start with `prefix`."""
        folder, separator, start = check_prefix(prefix).rpartition("/")
        with (
            self._reading(self._root / folder, "Failed to list"),
            opened_folder(self._root, _parts(folder)) as directory,
        ):
            for path, status in files_below(directory, folder + separator, start):
                if is_key(path):
                    yield object_info(path, status)

    def folders(self, prefix: str) -> Iterator[str]:
        """Next parts of keys: names of the directories that have an object somewhere below them."""
        folder = check_folder(prefix).removesuffix("/")
        names: list[str] = []
        with (
            self._reading(self._root / folder, "Failed to list"),
            opened_folder(self._root, _parts(folder)) as directory,
            os.scandir(directory) as entries,
        ):
            names += [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for name in sorted(names, key=lambda name: f"{name}/"):
            if is_key(f"{prefix}{name}") and any(True for _ in self.list(f"{prefix}{name}/")):
                yield name

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, and the directories that are empty without them."""
        touched: dict[str, None] = {}
        for key in keys:
            *folder, name = check_key(key).split("/")
            with (
                self._reading(self._root / key, "Failed to remove"),
                opened_folder(self._root, folder) as directory,
                suppress(IsADirectoryError),
            ):
                os.unlink(name, dir_fd=directory)
                touched["/".join(folder)] = None
        for emptier in touched:
            self._settle(emptier)

    def clear_up(self, before: datetime) -> tuple[str, ...]:  # noqa: ARG002  (a lock tells whether a writer lives)
        """Remove temporary directories of processes that are gone."""
        return remove_debris(self._root) if self._root.is_dir() else ()

    def unfinished(self) -> tuple[str, ...]:
        """Temporary directories."""
        return temporary_directories(self._root) if self._root.is_dir() else ()

    def close(self) -> None:
        """Remove this storage's own temporary directory; the next put makes another."""
        with self._lock:
            self._staging = None
            self._resources.close()

    def _open(self, key: str, resources: ExitStack) -> int:
        *folder, name = check_key(key).split("/")
        path = self._root / key
        with self._reading(path, "Failed to read"), opened_folder(self._root, folder) as directory:
            # A pipe that somebody has planted must not make us wait for its writer.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=directory)
            resources.callback(os.close, descriptor)
            if is_object(path, os.fstat(descriptor)):
                return descriptor
        raise ObjectNotFoundError(f"{path} isn't there")

    def _staging_directory(self) -> Path:
        with self._lock:
            if self._staging is None:
                with storage_errors(self._root, "Failed to create backup folder"):
                    if not self._root.is_dir():
                        self._root.mkdir(mode=DIRECTORY_MODE, parents=True)
                        sync_directory(self._root.parent)
                self._staging = self._resources.enter_context(temporary_directory(self._root, "put"))
            return self._staging

    def _publish(self, written: Path, key: str, *, if_absent: bool) -> ObjectInfo:
        *folder, name = key.split("/")
        with path_errors(self._root / key, "Failed to write"), ExitStack() as resources:
            # Nobody may remove the folder for being empty before the object is in it.
            with self._lock:
                directory = resources.enter_context(opened_folder(self._root, folder, make=True))
                if not if_absent:
                    os.replace(written, name, dst_dir_fd=directory)
                elif not self._link(written, name, directory):
                    raise self._exists(key)
            os.fsync(directory)
            return object_info(key, os.stat(name, dir_fd=directory, follow_symlinks=False))

    def _link(self, written: Path, name: str, directory: int) -> bool:
        """Give a file its name unless something has it; whether it was given."""
        if self.capabilities.conditional_put:
            try:
                os.link(written, name, dst_dir_fd=directory, follow_symlinks=False)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self.capabilities = replace(self.capabilities, conditional_put=False)
            else:
                return True
        with suppress(FileNotFoundError):
            os.stat(name, dir_fd=directory, follow_symlinks=False)
            return False
        os.replace(written, name, dst_dir_fd=directory)
        return True

    def _settle(self, folder: str) -> None:
        """Bring removals in a folder to the disk, and remove it if it is empty."""
        with self._reading(self._root / folder, "Failed to sync"), self._lock:
            with opened_folder(self._root, _parts(folder)) as directory:
                os.fsync(directory)
            remove_empty_folders(self._root, _parts(folder))

    @contextmanager
    def _reading(self, path: Path, what: str) -> Iterator[None]:
        """Translate errors of the block; it ends where something isn't there, and only the root has to be."""
        with path_errors(path, what):
            try:
                yield
            except FileNotFoundError as error:
                if not self._root.exists():
                    raise NotFoundError(
                        f"{self._root} isn't there",
                        hint="The first backup makes it. Is its disk mounted, and the repository's path right?",
                    ) from error

    def _exists(self, key: str) -> ObjectExistsError:
        return ObjectExistsError(f"{self._root / key} exists already")


def _parts(folder: str) -> list[str]:
    return folder.split("/") if folder else []
