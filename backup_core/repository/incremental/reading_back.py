"""Reads objects back, several at a time, and says which of them aren't what was stored."""

import threading
from collections.abc import Iterable, Iterator

from backup_core.cancel import CancelToken
from backup_core.encryption import Identities
from backup_core.errors import IntegrityError
from backup_core.repository.incremental.incoming import plain_content, stored_content
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.parallel import in_parallel
from backup_core.repository.manifest import StoredObject
from backup_core.repository.storage.protocol import Storage
from backup_core.repository.verification import Progress


READERS = 4
"""So many objects are read at a time."""


class ReadBack:
    """Reads objects of one table back.

    Args:
        storage: where they are.
        keys: of the table.
        identities: private keys; without any, what is encrypted is held against its stored SHA-256 alone.
        on_progress: hears how many of the stored bytes were read so far, one call at a time.
        cancel: looked at before each block.
    """

    def __init__(
        self,
        storage: Storage,
        keys: TableKeys,
        identities: Identities | None,
        on_progress: Progress,
        cancel: CancelToken,
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._identities = identities
        self._on_progress = on_progress
        self._cancel = cancel
        self._lock = threading.Lock()
        self._read_bytes = 0

    def wrong(self, objects: Iterable[StoredObject]) -> Iterator[tuple[str, str]]:
        """Names of those objects that are missing or not what was stored, and what is wrong with them.

        Raises:
            PermissionDeniedError: none of the given identities can read one.
            RunCancelledError: the token was set.
            BackupError: as the store refuses.
        """
        return (found for found in in_parallel(self._problem, objects, workers=READERS) if found is not None)

    def _problem(self, stored: StoredObject) -> tuple[str, str] | None:
        try:
            self._read(stored)
        except IntegrityError:
            # Once more: what came over a line without TLS may have been damaged there.
            try:
                self._read(stored)
            except IntegrityError as error:
                return stored.name, error.message.replace(f"{self._storage.address}/{self._keys.objects}", "")
        return None

    def _read(self, stored: StoredObject) -> None:
        key = self._keys.object(stored.name)
        if stored.encryption == "none" or self._identities is not None:
            opened = plain_content(self._storage, key, stored, self._identities)
            size_bytes = stored.plain_size_bytes
        else:
            opened = stored_content(self._storage, key, stored)
            size_bytes = stored.stored_size_bytes
        done_bytes = 0
        with opened as blocks:
            for block in blocks:
                self._cancel.raise_if_set()
                before, done_bytes = done_bytes, min(done_bytes + len(block), size_bytes)
                self._passed(*(stored.stored_size_bytes * each // size_bytes for each in (before, done_bytes)))

    def _passed(self, before_bytes: int, done_bytes: int) -> None:
        with self._lock:
            self._read_bytes += done_bytes - before_bytes
            self._on_progress(self._read_bytes)
