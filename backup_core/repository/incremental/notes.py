"""What stands beside a manifest and is no part of the backup: holds, and what was found of it since."""

from backup_core.errors import NotFoundError, ObjectExistsError
from backup_core.repository import layout
from backup_core.repository.holds import Hold, hold_content, parse_hold
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.small_objects import read_object
from backup_core.repository.storage.protocol import Content, Storage


def read_note(storage: Storage, keys: TableKeys, tag: str, name: str) -> bytes | None:
    """What was written under a name; None if nothing was.

    Raises:
        BackupError: as the store refuses.
    """
    return read_object(storage, keys.note(tag, name))


def write_note(storage: Storage, keys: TableKeys, tag: str, name: str, content: bytes) -> None:
    """Write something under a name, over the former one.

    Raises:
        NotFoundError: the backup has been removed.
        BackupError: as the store refuses.
    """
    key = keys.note(tag, name)
    storage.put(key, Content.of(content))
    _take_back_if_gone(storage, keys, tag, key)


def remove_note(storage: Storage, keys: TableKeys, tag: str, name: str) -> None:
    """Remove what was written under a name, if anything was.

    Raises:
        BackupError: as the store refuses.
    """
    storage.delete((keys.note(tag, name),))


def place_hold(storage: Storage, keys: TableKeys, tag: str, hold: Hold) -> Hold:
    """Keep a backup from being removed.

    Whoever removes one looks for a hold again when the manifest is gone, and here the manifest is looked for when the
    hold is placed: one of the two sees the other.

    Returns:
        The hold that is in force: another one if there was one already, which stays as it is.

    Raises:
        NotFoundError: the backup has been removed.
        BackupError: as the store refuses.
    """
    key = keys.note(tag, layout.HOLD)
    try:
        storage.put(key, Content.of(hold_content(hold)), if_absent=True)
    except ObjectExistsError:
        return read_hold(storage, keys, tag) or hold
    _take_back_if_gone(storage, keys, tag, key)
    return hold


def read_hold(storage: Storage, keys: TableKeys, tag: str) -> Hold | None:
    """The hold on a backup, or None if there is none.

    Raises:
        BackupError: as the store refuses.
    """
    return parse_hold(read_note(storage, keys, tag, layout.HOLD))


def release_hold(storage: Storage, keys: TableKeys, tag: str) -> Hold | None:
    """Let go of a backup; the hold that was on it, or None if there was none.

    Raises:
        BackupError: as the store refuses.
    """
    hold = read_hold(storage, keys, tag)
    if hold is not None:
        remove_note(storage, keys, tag, layout.HOLD)
    return hold


def _take_back_if_gone(storage: Storage, keys: TableKeys, tag: str, key: str) -> None:
    if storage.stat(keys.manifest(tag)) is None:
        storage.delete((key,))
        raise NotFoundError(f"The backup {keys.table_name}/{tag} has just been removed")
