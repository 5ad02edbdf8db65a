"""Objects that are read as a whole: markers, manifests, notes."""

from backup_core.errors import ObjectNotFoundError
from backup_core.repository.storage.protocol import Storage


def read_object(storage: Storage, key: str) -> bytes | None:
    """The content of an object; None if there is none.

    Raises:
        BackupError: as the store refuses.
    """
    try:
        with storage.get(key) as blocks:
            return b"".join(blocks)
    except ObjectNotFoundError:
        return None
