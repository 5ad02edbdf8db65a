"""How deep a backup is verified, and what comes of it, in whatever mode it is stored."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from backup_core.errors import IntegrityError
from backup_core.repository.listing import BackupListing


T = TypeVar("T")

MOST_KEPT = 4
"""Of a pass: a table with tens of thousands of objects takes some megabytes."""

Progress = Callable[[int], None]
"""Hears how many bytes were read so far."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much of what is stored is read.

    Attributes:
        fraction: 0 for names, sizes and the manifest's hash alone; 1 for every byte; what is in between is a sample, of
            what was read longest ago.
    """

    fraction: float

    @property
    def reads(self) -> bool:
        """Whether anything is read but the manifest."""
        return self.fraction > 0

    @property
    def reads_all(self) -> bool:
        """Whether every byte is."""
        return self.fraction >= 1

    @property
    def words(self) -> str:
        """What was looked at, for people."""
        if not self.reads:
            return "names and sizes"
        return "every byte" if self.reads_all else f"a sample of {100 * self.fraction:g} %"


SHALLOW = Depth(0.0)
DEEP = Depth(1.0)


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a verification has looked at and found right.

    Attributes:
        objects: number of files or objects.
        size_bytes: of those.
        deep: whether every byte was read and found right in this pass.
        read_bytes: how many were; a byte that backups share is read once in a pass.
        unnoted: why none of this could be written down beside the backup; empty if it was.
    """

    listing: BackupListing
    objects: int
    size_bytes: int
    deep: bool
    read_bytes: int = 0
    unnoted: str = ""


class VerifyPass:
    """One pass over many backups: what they share is looked at once. Not for two threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """What goes by a name in this pass, made when it is first asked for; of many, those asked for last are kept."""
        if name not in self._kept:
            self._kept[name] = make()
        self._kept.move_to_end(name)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return self._kept[name]  # type: ignore[no-any-return]  # what goes by a name is of one type


def damaged(listing: BackupListing, problems: Iterable[str]) -> IntegrityError:
    """What a verification ends with that has found something: all of it, and as `problems` in the error's context."""
    found = tuple(problems)
    return IntegrityError(
        f"{listing.table}/{listing.tag} is damaged: {'; '.join(found)}",
        hint="Keep it for what can be saved, and take another backup now.",
        problems=found,
    )
