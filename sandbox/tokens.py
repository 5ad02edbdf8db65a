"""Tokens: the ring of a node's vnodes, the tablets of a table, and where a partition key falls."""

import hashlib
import json
import random
import uuid
from typing import Any


TABLET_COUNT = 8
VNODE_COUNT = 16
MINIMUM = -(2**63)
MAXIMUM = 2**63 - 1

_TABLET_WIDTH = 2**64 // TABLET_COUNT


def ring_tokens(host_id: uuid.UUID) -> list[int]:
    """The node's tokens on the ring, sorted; the same at every call for one node."""
    generator = random.Random(host_id.int)  # noqa: S311  (no secret: only to differ from node to node)
    return sorted(generator.randint(MINIMUM + 1, MAXIMUM) for _ in range(VNODE_COUNT))


def tablet_tokens() -> list[int]:
    """The last token of each tablet, sorted."""
    return [MINIMUM + (number + 1) * _TABLET_WIDTH - 1 for number in range(TABLET_COUNT)]


def token(partition_key: Any) -> int:
    """Token of a partition key, given as DynamoDB JSON.

    Stable and spread evenly, but not the server's Murmur3: nobody can tell without reading real SSTables.
    """
    text = json.dumps(partition_key, sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def tablet_of(key_token: int) -> int:
    """Number of the tablet that a token belongs to."""
    return (key_token - MINIMUM) // _TABLET_WIDTH
