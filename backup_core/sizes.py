"""Sizes as people read and write them."""

import re


_STEP = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_WRITTEN_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_WRITTEN_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


def human_size(size_bytes: float) -> str:
    """A size with its unit and at most one decimal: `1.5 GiB`, `812 B`."""
    for unit in _UNITS[:-1]:
        if size_bytes < _STEP:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _STEP
    return f"{size_bytes:.1f} {_UNITS[-1]}"


def parse_size(text: str, *, or_else: str = "") -> int:
    """Read `10GiB`, `500MB` or plain bytes.

    Args:
        text: what somebody wrote.
        or_else: what else it might have been, for the message.

    Raises:
        ValueError: it is no size.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        wanted = f"neither {or_else} nor a size like 10GiB" if or_else else "no size like 10GiB"
        raise ValueError(f"{text!r} is {wanted}")
    if match[2].upper() not in _WRITTEN_UNITS:
        raise ValueError(f"{text!r} has an unknown unit; KiB, MiB, GiB and TiB are known")
    return int(float(match[1]) * _WRITTEN_UNITS[match[2].upper()])
