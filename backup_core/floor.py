"""How much space of a disk stays free, whatever a backup needs."""

import re
from dataclasses import dataclass
from typing import Self

from backup_core.sizes import human_size, parse_size


_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Floor:
    """A share of the disk in percent, or a size in bytes; the other one is 0."""

    percent: float = 0.0
    size_bytes: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `20%`, `10GiB`, `500MB` or plain bytes.

        Raises:
            ValueError: it is none of these.
        """
        match = _SHARE.fullmatch(text)
        if match is None:
            return cls(size_bytes=parse_size(text, or_else="a share like 20%"))
        percent = float(match[1])
        if percent >= _WHOLE:
            raise ValueError(f"{text!r} leaves nothing of the disk to use")
        return cls(percent=percent)

    def of(self, total_bytes: int) -> int:
        """What has to stay free of a disk of that size, in bytes."""
        return max(int(total_bytes * self.percent / _WHOLE), self.size_bytes)

    def told(self, floor_bytes: int) -> str:
        """As people read it, with what it comes to on a disk: `20% (12.0 GiB)`, or `10.0 GiB`."""
        return f"{self} ({human_size(floor_bytes)})" if self.percent else str(self)

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent else human_size(self.size_bytes)
