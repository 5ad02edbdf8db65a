"""How much of the token ring the given backups cover: the ranges that their nodes held, by their manifests."""

import math
from collections.abc import Iterable, Iterator

from backup_core.errors import ManifestError
from backup_core.repository import layout
from backup_core.repository.manifest import Manifest, Range


LEAST_TOKEN = -(2**63)
"""No row has this one: it stands for the beginning of the ring (dht/token.hh)."""
GREATEST_TOKEN = 2**63 - 1
ALL_TOKENS = GREATEST_TOKEN - LEAST_TOKEN

_TOKEN_LENGTH = 20


def ring_coverage(manifests: Iterable[Manifest | None]) -> float | None:
    """Part of the ring that is in at least one of the backups: 1.0 only if nothing is missing.

    Args:
        manifests: None for a backup of which nothing is known.

    Returns:
        0 to 1; None where a manifest doesn't tell, and the others don't cover everything.

    Raises:
        ManifestError: a token is none.
    """
    all_known = True
    parts: list[tuple[int, int]] = []
    for manifest in manifests:
        if manifest is None or manifest.ring.ranges is None or not manifest.node.addresses:
            all_known = False
            continue
        parts += _held(manifest)
    covered = _length(parts)
    if covered == ALL_TOKENS:
        return 1.0
    # One missing token of 2^64 would be rounded away.
    return min(covered / ALL_TOKENS, math.nextafter(1.0, 0.0)) if all_known else None


def percent(coverage: float | None) -> str:
    """A coverage for people; what isn't everything never reads like 100 %."""
    return "unknown" if coverage is None else f"{math.floor(coverage * 1000) / 10:g} %"


def _held(manifest: Manifest) -> Iterator[tuple[int, int]]:
    """What the manifest's node held, start excluded and end included, cut where the ring begins."""
    own = set(manifest.node.addresses)
    for part in manifest.ring.ranges or ():
        if own & set(part.endpoints):
            yield from _unwrapped(part)


def _unwrapped(part: Range) -> Iterator[tuple[int, int]]:
    start, end = _token(part.start), _token(part.end)
    if start < end:
        yield start, end
    else:
        yield start, GREATEST_TOKEN
        yield LEAST_TOKEN, end


def _token(text: str) -> int:
    try:
        token = int(text) if len(text) <= _TOKEN_LENGTH else None
    except ValueError:
        token = None
    if token is None or not LEAST_TOKEN <= token <= GREATEST_TOKEN:
        raise ManifestError(f"{layout.MANIFEST} has a range with a token {text[:_TOKEN_LENGTH]!r}, which is none")
    return token


def _length(parts: Iterable[tuple[int, int]]) -> int:
    """Of the union."""
    length, reached = 0, LEAST_TOKEN
    for start, end in sorted(parts):
        length += max(0, end - max(start, reached))
        reached = max(reached, end)
    return length
