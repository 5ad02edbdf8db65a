"""What may be the key of an object: what every store can keep, and nothing that leads elsewhere in a directory."""

from backup_core.errors import StorageError
from backup_core.repository import layout


MOST_KEY_BYTES = 800
"""Stores take 1024 (S3); the rest is left to the prefix."""
MOST_PART_BYTES = 240
"""File systems take 255."""

_HERE_OR_ABOVE = (".", "..")


def is_key(key: str) -> bool:
    """Whether this can be the key of an object: printable parts with `/` between them, none of them a storage's own."""
    parts = key.split("/")
    return (
        key.isprintable()
        and len(key.encode()) <= MOST_KEY_BYTES
        and not parts[0].startswith(layout.TEMPORARY_PREFIX)
        and all(part and part not in _HERE_OR_ABOVE and len(part.encode()) <= MOST_PART_BYTES for part in parts)
    )


def check_key(key: str) -> str:
    """The key, if it can be one.

    Raises:
        StorageError: it can't.
    """
    if not is_key(key):
        raise StorageError(
            f"{key!r} can't be the key of an object",
            hint=(
                f"Parts with / between them, none of them empty, . or .., up to {MOST_PART_BYTES} bytes each and "
                f"{MOST_KEY_BYTES} together."
            ),
        )
    return key


def check_prefix(prefix: str) -> str:
    """The prefix, if keys can start with it: whole parts, and the beginning of one; empty for all.

    Raises:
        StorageError: no key starts so.
    """
    folder, separator, _ = prefix.rpartition("/")
    if separator:
        check_key(folder)
    return prefix


def check_folder(prefix: str) -> str:
    """The prefix, if it is a folder's: empty, or ends with `/`.

    Raises:
        StorageError: it isn't.
    """
    if prefix and not prefix.endswith("/"):
        raise StorageError(f"{prefix!r} can't be a folder of objects", hint="A folder ends with /.")
    return check_prefix(prefix)
