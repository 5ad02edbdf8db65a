"""Answers of the REST API: its errors, and the two ways in which it writes JSON."""

import json
from collections.abc import Iterable
from typing import Any


VOID = ""
"""Body of a successful answer that has nothing to tell."""


class RestError(Exception):
    """A refused request.

    Attributes:
        status: HTTP status.
        message: what the body tells.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> RestError:
    """The error for a parameter that the server checks itself."""
    return RestError(400, message)


def server_error(kind: str, what: str) -> RestError:
    """The error for an exception that nobody on the server translates: its C++ type and its text."""
    return RestError(500, f"{kind} ({what})")


def error_body(status: int, message: str) -> str:
    """Body of an error's answer."""
    return json.dumps({"message": message, "code": status})


def compact(value: Any) -> str:
    """JSON without any space, as the server writes a value that it has as a whole."""
    return json.dumps(value, separators=(",", ":"))


def streamed(values: Iterable[Any]) -> str:
    """JSON of a list that the server writes element by element: a space follows each comma between them."""
    return f"[{', '.join(compact(value) for value in values)}]"
