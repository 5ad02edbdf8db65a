"""What the node's answers to a request to load SSTables mean."""

from backup_core.errors import BackupError, NodeRefusedError, NodeUnavailableError


LOAD_TIMEOUT_SECONDS = 7 * 86_400.0
"""Terabytes take days, and the node answers when it is done: whoever is tired of waiting cancels."""
LOAD_GRACE_SECONDS = 2.0
"""How long a request may go on once the restore is cancelled: a small one is done by then, and known to be."""

_FAILED = "Failed to load new sstables"
_ALREADY = "Already loading SSTables"
_MALFORMED = "malformed_sstable_exception"
_MISSING_COLUMN = "missing in current schema"


class AlreadyLoadingError(NodeUnavailableError):
    """The node loads SSTables already, of this table or of one that shares its coordinator (sstables_loader.cc)."""


def load_refusal(text: str) -> BackupError | None:
    """The error that a no to a request to load stands for; None if these words aren't of one.

    Args:
        text: in the node's own words.
    """
    if _ALREADY in text:
        return AlreadyLoadingError(f"The node says: {text}", hint="Try again when that is done.")
    if _MALFORMED in text and _FAILED in text:
        hint = "Its log says more. Is there anything in upload/ that a restore hasn't put there?"
        if _MISSING_COLUMN in text:
            hint = "The table lacks a column that these files have: it was made for another version of ScyllaDB."
        return NodeRefusedError(f"The node refuses: {text}", hint=hint)
    return None
