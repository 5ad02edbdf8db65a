"""What this node knows of the manifests that it wrote: their SHA-256, in its own state directory.

Whoever can write the bucket can change a manifest together with its summary; here they have no part. A listing of the
bucket that lags may leave a manifest out; here it stands. A directory that is lost costs this knowledge and no backup:
of what isn't written here, nothing is claimed.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backup_core.durable import DIRECTORY_MODE, FILE_MODE, read_file, replace_file
from backup_core.ownership import as_owner_of
from backup_core.repository import layout
from backup_core.repository.timestamps import parse_timestamp, timestamp
from backup_core.storage_errors import storage_errors


_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class OwnManifest:
    """A manifest that this node was about to put.

    Attributes:
        sha256: of its content.
        recorded_at: just before.
    """

    tag: str
    sha256: str
    recorded_at: datetime


class OwnManifests:
    """The manifests of one repository, a file for each table id.

    A tag may have several: of two attempts at one, nobody knows which the store has taken.

    Args:
        directory: is made when something is first written.
        is_host: whether this is the node whose repository it is; on another machine, or where nobody knows, nothing
            new is remembered unless something was before.
    """

    def __init__(self, directory: Path, *, is_host: bool = True) -> None:
        self._directory = directory
        self._is_host = is_host

    def are_known(self) -> bool:
        """Whether this machine has ever written to the repository."""
        return self._directory.is_dir()

    def of_table(self, table_id: str) -> tuple[OwnManifest, ...]:
        """All of a table; none where nothing is known, or the file can't be made out.

        Raises:
            BackupError: as the operating system refuses.
        """
        content = read_file(self._path(table_id))
        try:
            rows = json.loads(content) if content else []
            return tuple(OwnManifest(str(tag), str(sha256), parse_timestamp(at)) for tag, sha256, at in rows)
        except (ValueError, TypeError, RecursionError):
            return ()

    def sha256s(self, table_id: str, tag: str) -> frozenset[str]:
        """What the SHA-256 of a backup's manifest can be; empty where nothing is known.

        Raises:
            BackupError: as the operating system refuses.
        """
        return frozenset(each.sha256 for each in self.of_table(table_id) if each.tag == tag)

    def add(self, table_id: str, manifest: OwnManifest) -> None:
        """Write one down, durably, before it is put.

        Raises:
            BackupError: as the operating system refuses.
        """
        if not (self._is_host or self.are_known()):
            return
        with self._locked():
            self._write(table_id, (*self.of_table(table_id), manifest))

    def drop(self, table_id: str, tags: Iterable[str]) -> None:
        """Forget those that were removed.

        Raises:
            BackupError: as the operating system refuses.
        """
        gone = set(tags)
        if any(manifest.tag in gone for manifest in self.of_table(table_id)):
            with self._locked():
                self._write(table_id, (each for each in self.of_table(table_id) if each.tag not in gone))

    def _write(self, table_id: str, manifests: Iterable[OwnManifest]) -> None:
        rows = [(each.tag, each.sha256, timestamp(each.recorded_at)) for each in manifests]
        replace_file(self._path(table_id), json.dumps(rows, indent=0).encode() + b"\n")

    def _path(self, table_id: str) -> Path:
        return self._directory / f"{layout.check_table_id(table_id)}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the files: a prune drops what it removed while a run adds."""
        with storage_errors(self._directory, "Failed to lock"), as_owner_of(self._directory):
            self._directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            descriptor = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
