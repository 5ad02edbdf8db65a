"""How much space of a disk stays free, whatever a backup needs."""

import re
from dataclasses import dataclass
from typing import Self


_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*|%)\s*")
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
        match = _SIZE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is neither a share like 20% nor a size like 10GiB")
        number, unit = float(match[1]), match[2]
        if unit == "%":
            if number >= _WHOLE:
                raise ValueError(f"{text!r} leaves nothing of the disk to use")
            return cls(percent=number)
        if unit.upper() not in _UNITS:
            raise ValueError(f"{text!r} has an unknown unit; KiB, MiB, GiB and TiB are known")
        return cls(size_bytes=int(number * _UNITS[unit.upper()]))

    def of(self, total_bytes: int) -> int:
        """What has to stay free of a disk of that size, in bytes."""
        return max(int(total_bytes * self.percent / _WHOLE), self.size_bytes)

    def __str__(self) -> str:
        return f"{self.percent:g}%" if self.percent else f"{self.size_bytes} bytes"
