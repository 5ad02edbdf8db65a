"""`#name` and `:value` in expressions: each must be given, and each that is given must be used."""

import re
from typing import Any

from sandbox.alternator.errors import ValidationError


_PLACEHOLDER = re.compile(r"[#:][A-Za-z0-9_]+")
_KINDS = {"#": "ExpressionAttributeNames", ":": "ExpressionAttributeValues"}


def check(body: dict[str, Any], operation: str, *expressions: str | None) -> None:
    """Compare the placeholders of a request's expressions with the names and values that it gives.

    Raises:
        ValidationError: one is missing, or never used.
    """
    used = [each for expression in expressions if expression for each in _PLACEHOLDER.findall(expression)]
    for mark, member in _KINDS.items():
        given = body.get(member)
        comma, known = ("", given) if isinstance(given, dict) else (",", {})
        for placeholder in used:
            if placeholder.startswith(mark) and placeholder not in known:
                raise ValidationError(f"{member} missing{comma} entry '{placeholder}' required by expression")
        for name in known:
            if name not in used:
                raise ValidationError(f"{member} has spurious '{name}', not used in {operation}")


def expression_of(body: dict[str, Any], name: str) -> str | None:
    """One of a request's expressions, None if it has none.

    Raises:
        ValidationError: it is no text, or empty.
    """
    expression = body.get(name)
    if expression is None:
        return None
    if not isinstance(expression, str):
        raise ValidationError(f"{name} must be a string")
    if not expression:
        raise ValidationError(f"{name} must not be empty")
    return expression
