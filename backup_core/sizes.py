"""Sizes as people read them."""

_STEP = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def human_size(size_bytes: float) -> str:
    """A size with its unit and at most one decimal: `1.5 GiB`, `812 B`."""
    for unit in _UNITS[:-1]:
        if size_bytes < _STEP:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _STEP
    return f"{size_bytes:.1f} {_UNITS[-1]}"
