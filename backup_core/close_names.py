"""Names that come close to one that isn't there, whatever their case."""

import difflib
from collections.abc import Iterable


MOST_NAMES = 3
CUTOFF = 0.5


def close_names(name: str, names: Iterable[str]) -> list[str]:
    """At most three of `names`, the closest first; case counts for nothing, since it is the usual slip."""
    folded: dict[str, list[str]] = {}
    for candidate in names:
        folded.setdefault(candidate.casefold(), []).append(candidate)
    matches = difflib.get_close_matches(name.casefold(), folded, n=MOST_NAMES, cutoff=CUTOFF)
    return [candidate for match in matches for candidate in folded[match]][:MOST_NAMES]
