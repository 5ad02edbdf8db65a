"""Durations as settings have them: a whole number and its unit, `15m`, `36h`, `7d`, `2w`."""

import re
from datetime import timedelta


_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_DURATION = re.compile(r"\s*([0-9]+)\s*([smhdw])\s*", re.ASCII)
_WRITTEN_UNITS = ("d", "h", "m")


def parse_duration(text: str) -> timedelta:
    """Read `45s`, `15m`, `36h`, `7d` or `2w`.

    Raises:
        ValueError: it is none of these, nothing at all, or longer than any calendar.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration like 15m, 36h, 7d or 2w; units are s, m, h, d and w")
    try:
        duration = int(match[1]) * _UNITS[match[2]]
    except (OverflowError, ValueError) as error:  # ValueError: int() takes no more than 4300 digits
        raise ValueError(f"{text[:20]!r} is too long a duration") from error
    if not duration:
        raise ValueError(f"{text!r} is no time at all")
    return duration


def duration_text(duration: timedelta) -> str:
    """A duration of whole seconds in the largest unit up to days that it is a multiple of: `7d`, `36h`, `90s`."""
    for unit in _WRITTEN_UNITS:
        if not duration % _UNITS[unit]:
            return f"{duration // _UNITS[unit]}{unit}"
    return f"{duration // _UNITS['s']}s"
