"""Which of many things are read when only a part of them is to be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backup_core.repository.listing import BackupStatus
from backup_core.repository.sampling import depths, longest_unread
from backup_core.repository.summary import Verified
from backup_core.repository.verification import DEEP, SHALLOW, Depth
from tests.listing_samples import listing


NOW = datetime(2026, 11, 22, tzinfo=UTC)
SIZES = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 1000), max_size=12)


@given(sizes=SIZES, fraction=st.floats(0, 1.2), read=st.dictionaries(st.text("abcdef", max_size=3), st.integers(0, 9)))
def test_as_much_is_chosen_as_was_asked_for(sizes: dict[str, int], fraction: float, read: dict[str, int]) -> None:
    """It is that part of the bytes at least, not a thing more than that needs, and nothing is older that is left."""
    read_at = {name: NOW + timedelta(days=days) for name, days in read.items()}
    chosen = longest_unread(sizes, fraction, size_bytes=sizes.__getitem__, read_at=read_at.get, name=str)
    chosen_bytes = sum(sizes[name] for name in chosen)
    assert chosen_bytes >= min(fraction, 1) * sum(sizes.values())
    if fraction <= 0:
        assert chosen == []
    elif fraction < 1 and chosen:
        assert chosen_bytes - sizes[chosen[-1]] < fraction * sum(sizes.values()) or len(chosen) == 1
    elif fraction >= 1:
        assert sorted(chosen) == sorted(sizes)
    never = datetime.min.replace(tzinfo=UTC)
    left = [read_at.get(name, never) for name in sizes if name not in chosen]
    assert all(read_at.get(name, never) <= moment for name in chosen for moment in left)


@given(sizes=SIZES, percent=st.integers(1, 99))
def test_samples_come_round(sizes: dict[str, int], percent: int) -> None:
    """So many samples as make a whole have read everything."""
    read_at: dict[str, datetime] = {}
    for number in range(-(-100 // percent)):
        chosen = longest_unread(sizes, percent / 100, size_bytes=sizes.__getitem__, read_at=read_at.get, name=str)
        read_at |= dict.fromkeys(chosen, NOW + timedelta(days=number))
    assert all(name in read_at for name, size_bytes in sizes.items() if size_bytes)


def test_of_archives_some_are_read_as_a_whole() -> None:
    """The one that was read longest ago; what can't be found right, and what is known to be damaged, isn't tried."""
    changes: dict[str, dict[str, Any]] = {
        "read": {"verified": Verified(stored=NOW - timedelta(days=9))},
        "new": {},
        "unread": {"verified": Verified(stored=NOW - timedelta(days=90))},
        "damaged": {"status": BackupStatus.DAMAGED},
        "legacy": {"status": BackupStatus.UNVERIFIED},
        "objects": {"mode": "incremental"},
    }
    backups = [replace(listing(timedelta(days=1)), tag=tag, location=tag, **change) for tag, change in changes.items()]
    sample = Depth(0.05)
    chosen = {one.tag: depth for one, depth in depths(backups, sample)}
    assert chosen == dict.fromkeys(changes, SHALLOW) | {"unread": DEEP, "objects": sample}
    for depth in (SHALLOW, DEEP):
        assert {found for _, found in depths(backups, depth)} == {depth}
