"""Chooses what of many things is read when only a part of them is to be: those that were read longest ago.

Who does so again and again has read everything in time, whatever comes and goes meanwhile.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.verification import DEEP, SHALLOW, Depth


T = TypeVar("T")

_NEVER = datetime.min.replace(tzinfo=UTC)


def longest_unread(
    things: Iterable[T],
    fraction: float,
    *,
    size_bytes: Callable[[T], int],
    read_at: Callable[[T], datetime | None],
    name: Callable[[T], str],
) -> list[T]:
    """The things that were read longest ago, until they are at least so large a part of all.

    Args:
        things: to choose from.
        fraction: of the bytes of all; above 0 it is one thing at least, from 1 on all of them.
        size_bytes: of one.
        read_at: when one was last read; None if it never was: those come first.
        name: decides between things that were read at the same time.
    """
    oldest_first = sorted(things, key=lambda thing: (read_at(thing) or _NEVER, name(thing)))
    wanted_bytes = fraction * sum(map(size_bytes, oldest_first))
    chosen: list[T] = []
    chosen_bytes = 0
    for thing in oldest_first:
        if fraction <= 0 or (fraction < 1 and chosen and chosen_bytes >= wanted_bytes):
            break
        chosen.append(thing)
        chosen_bytes += size_bytes(thing)
    return chosen


def depths(listings: Sequence[BackupListing], depth: Depth) -> Iterator[tuple[BackupListing, Depth]]:
    """How deep each backup of a repository is verified when all of them together are to be.

    An archive can only be read as a whole: of archives, a sample is some of them. Those that are known to be damaged
    aren't read for it again, and those of the predecessor's could never be found right.

    Args:
        listings: the backups.
        depth: what is asked for.
    """
    archives = [one for one in listings if one.mode == "archive"] if depth.reads and not depth.reads_all else []
    due = longest_unread(
        (one for one in archives if one.status is BackupStatus.COMPLETE),
        depth.fraction,
        size_bytes=lambda one: one.size_bytes,
        # Also who wrote one has read it; else new ones would always come first.
        read_at=lambda one: one.verified.stored or one.snapshot_at,
        name=lambda one: f"{one.table}/{one.tag}",
    )
    read, unread = ({one.location for one in group} for group in (due, archives))
    for listing in listings:
        if listing.location in read:
            yield listing, DEEP
        else:
            yield listing, SHALLOW if listing.location in unread else depth
