"""How objects are stored from now on; those that are stored already stay as they are."""

from dataclasses import dataclass

from backup_core.encryption import Recipients


@dataclass(frozen=True, slots=True)
class Encoding:
    """What becomes of a piece on its way into the store.

    Attributes:
        compress: by zstd, if it shrinks by that.
        recipients: whom it is encrypted to.
    """

    compress: bool
    recipients: Recipients

    def suffix(self, *, is_compressed: bool) -> str:
        """What an object's name ends in."""
        return object_suffix(is_compressed=is_compressed, is_encrypted=bool(self.recipients))


def object_suffix(*, is_compressed: bool, is_encrypted: bool) -> str:
    """What the name of an object ends in that is stored like that."""
    return (".zst" if is_compressed else "") + (".age" if is_encrypted else "")
