"""Which attributes a read gives: `ProjectionExpression`, or the older `AttributesToGet`."""

import re
from typing import Any

from sandbox.alternator.errors import ValidationError
from sandbox.rows import ItemJson


Path = tuple[str | int, ...]
"""Way into an attribute: its name, then members of maps and positions in lists."""

_PATH = re.compile(r"\s*[#A-Za-z_][#\w]*(\s*\.\s*[#A-Za-z_][#\w]*|\s*\[\s*\d+\s*\])*\s*", re.ASCII)
_STEP = re.compile(r"[#\w]+", re.ASCII)


def parse(body: dict[str, Any]) -> tuple[Path, ...] | None:
    """The paths that a request asks for, None if it asks for whole items.

    Raises:
        ValidationError: they are malformed or overlap, or both ways to ask are used at once.
    """
    attributes, expression = body.get("AttributesToGet"), body.get("ProjectionExpression")
    if attributes is None and expression is None:
        return None
    if attributes is not None and expression is not None:
        raise ValidationError(
            "GetItem does not allow both ProjectionExpression and AttributesToGet to be given together"
        )
    if expression is None:
        if not attributes:
            raise ValidationError("Empty AttributesToGet is not allowed. Consider using Select=COUNT instead.")
        return tuple((str(name),) for name in attributes)
    return _paths(expression, body.get("ExpressionAttributeNames") or {})


def project(item: ItemJson, paths: tuple[Path, ...] | None) -> ItemJson:
    """What the paths lead to in an item; what they don't lead to is left out."""
    if paths is None:
        return item
    pruned = _prune({"M": item}, list(paths))
    return {} if pruned is None else dict(pruned["M"])


def _paths(expression: Any, names: dict[str, str]) -> tuple[Path, ...]:
    found: list[Path] = []
    for part in str(expression).split(","):
        if not isinstance(expression, str) or not _PATH.fullmatch(part):
            raise ValidationError(f"Failed parsing ProjectionExpression '{expression}': syntax error at char 0")
        path: Path = tuple(int(step) if step.isdigit() else names.get(step, step) for step in _STEP.findall(part))
        for other in found:
            shorter = min(len(path), len(other))
            if path[:shorter] == other[:shorter]:
                raise ValidationError(f"Invalid ProjectionExpression: two document paths overlap at {part.strip()}")
        found.append(path)
    return tuple(found)


def _prune(value: dict[str, Any], paths: list[Path]) -> dict[str, Any] | None:
    if any(not path for path in paths):
        return value
    [(type_, content)] = value.items()
    steps: dict[str | int, list[Path]] = {}
    for first, *rest in paths:
        steps.setdefault(first, []).append(tuple(rest))
    if type_ == "M":
        members = {name: _prune(content[name], below) for name, below in steps.items() if name in content}
        kept = {name: member for name, member in members.items() if member is not None}
        return {"M": kept} if kept else None
    if type_ == "L":
        places = sorted((step, below) for step, below in steps.items() if isinstance(step, int) and step < len(content))
        chosen = [member for place, below in places if (member := _prune(content[place], below)) is not None]
        return {"L": chosen} if chosen else None
    return None
