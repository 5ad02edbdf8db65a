"""What the node's answers to requests for snapshots mean, whichever way they were sent."""

import re

from backup_core.errors import NodeRefusedError, NodeUnavailableError, NotFoundError


TAKE_GRACE_SECONDS = 5.0
"""How long a request for a snapshot may go on once the run is cancelled: mostly it is done by then, and known to be."""
CLEAR_GRACE_SECONDS = 10.0
"""The same for clearing one, which queues behind whatever the node does with snapshots."""

_EXISTS = re.compile(r"snapshot \S+ already exists")
_MISSING = re.compile(r"no_such_column_family|Can't find a column family|Can't find a keyspace")
"""Signs of a table that isn't there; the status differs between versions (500 or 400), the words don't."""


class SnapshotExistsError(NodeRefusedError):
    """The node already has a snapshot of that name in that keyspace."""


class NoAnswerError(NodeUnavailableError):
    """The request was sent and no answer came: it may have been done, or may still be."""


def refusal(text: str, *, speaker: str = "The node") -> NotFoundError | NodeRefusedError:
    """The error that a no stands for.

    Args:
        text: in the node's own words.
        speaker: who says so.
    """
    if _MISSING.search(text):
        return NotFoundError(f"{speaker} says: {text}")
    kind = SnapshotExistsError if _EXISTS.search(text) else NodeRefusedError
    return kind(f"{speaker} refuses: {text}")


def require_names(tag: str, keyspace: str) -> None:
    """Let nothing be cleared without a name: the node would clear every snapshot it has.

    Raises:
        ValueError: an empty tag or keyspace.
    """
    if not tag or not keyspace:
        raise ValueError("a snapshot is never cleared without a tag and a keyspace")
