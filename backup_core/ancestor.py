"""The part of a path that is there already: what decides on which disk something will be, and who may make it."""

from pathlib import Path


def existing_ancestor(path: Path) -> Path:
    """The path itself, or the nearest directory above it that exists.

    Raises:
        OSError: a directory on the way can't be looked into.
    """
    absolute = path.absolute()
    return next(candidate for candidate in (absolute, *absolute.parents) if candidate.exists())
