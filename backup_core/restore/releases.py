"""Releases of ScyllaDB, and since which of them a server does what its own feature list doesn't tell."""

import re
from typing import NamedTuple


class Release(NamedTuple):
    """A release; its parts order as they should, since years are larger than what was counted before (6.2, 2025.1)."""

    major: int
    minor: int
    patch: int = 0


COMPUTED_INDEX_COLUMNS = Release(2025, 1)
"""Keys of indexes are computed out of the item, not real columns; UpdateTable adds GSIs; billing is kept (PRs #21989,
#20056)."""
RESERVED_SYSTEM_TAGS = Release(2025, 1, 4)
"""`system:` tags of Alternator's own are hidden and refused (PR #24299)."""
TTL_ON_TABLETS = Release(2025, 3)
"""TTL works on tablets (PR #23662)."""
TABLETS_BY_CONFIGURATION = Release(2025, 4)
"""New tables follow `tablets_mode_for_new_keyspaces`, and the tag is `system:initial_tablets` (PR #26949)."""
SHORTER_TABLE_NAMES = Release(2025, 4)
"""Names of tables have 192 characters instead of 222 (PR #24717)."""
HIDDEN_SPURIOUS_KEYS = Release(2025, 4)
"""DescribeTable tells no sort key that nobody asked for, of GSIs that were created with their table."""

_NUMBERS = re.compile(r"(\d{1,4})\.(\d{1,3})(?:\.(\d{1,3}))?", re.ASCII)


def parse_release(version: str | None) -> Release | None:
    """The release that a server's full version names: `2026.1.12-0.20260821.66541360f656`; None if it names none.

    Enterprise's years up to 2024 stand between 6.2 and 2025.1, which is right for all that is asked here.
    """
    numbers = _NUMBERS.match(version or "")
    return Release(*(int(part or 0) for part in numbers.groups())) if numbers else None


def has(release: Release | None, since: Release, *, if_unknown: bool = False) -> bool:
    """Whether a release has what came with another one."""
    return if_unknown if release is None else release >= since
