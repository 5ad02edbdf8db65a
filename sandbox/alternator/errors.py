"""Alternator's errors: a code, a text and an HTTP status, answered as JSON."""

from typing import Any


_TYPE_PREFIX = "com.amazonaws.dynamodb.v20120810#"


class ApiError(Exception):
    """An error that the client gets as an answer.

    Args:
        code: DynamoDB's name of the error.
        message: the text.
        status: the HTTP status.
        extra: more members of the answer.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, extra: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self._extra = extra or {}

    def body(self) -> dict[str, Any]:
        """The answer."""
        return {**self._extra, "__type": _TYPE_PREFIX + self.code, "message": str(self)}


class ValidationError(ApiError):
    """The request is not what it must be."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class SerializationError(ApiError):
    """A value is not written in the way that its type asks for."""

    def __init__(self, message: str) -> None:
        super().__init__("SerializationException", message)


class AccessDeniedError(ApiError):
    """The role may not do this, or the ARN is none."""

    def __init__(self, message: str) -> None:
        super().__init__("AccessDeniedException", message)


class ResourceNotFoundError(ApiError):
    """There is no such table, index or ARN."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


def table_not_found(name: str) -> ResourceNotFoundError:
    """The error for a table that isn't there."""
    return ResourceNotFoundError(f"Requested resource not found: Table: {name} not found")
