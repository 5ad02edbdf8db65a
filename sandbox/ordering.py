"""Values of keys: which are the same, and their order."""

import base64
from decimal import Context, Decimal
from typing import Any

from sandbox.rows import Value


# No number of DynamoDB has more digits than 38.
_EXACT = Context(prec=64)


def canonical(value: Value) -> Value:
    """The value as it is written by nobody else: numbers can be written in many ways."""
    if "N" in value:
        return {"N": str(Decimal(value["N"]).normalize(_EXACT))}
    return value


def sort_value(value: Value) -> Any:
    """What to compare instead of a key's value; comparable with those of the same type."""
    [(type_, content)] = value.items()
    match type_:
        case "N":
            return Decimal(content)
        case "B":
            return base64.b64decode(content)
        case _:
            return content.encode("utf-8", "surrogatepass")
