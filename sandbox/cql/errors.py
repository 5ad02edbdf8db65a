"""Errors that CQL answers with, by their codes in the native protocol."""

from typing import ClassVar


class CqlError(Exception):
    """What a request is refused with; its text is the message that the client gets.

    Args:
        message: for the client.
        detail: what the protocol wants after the message, for the codes that have more.
    """

    code: ClassVar[int] = 0x0000

    def __init__(self, message: str, detail: bytes = b"") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class ProtocolError(CqlError):
    """A frame or a request that the protocol doesn't allow here."""

    code = 0x000A


class BadCredentialsError(CqlError):
    """A login with a wrong name or password, or of a role that may not log in."""

    code = 0x0100


class CqlSyntaxError(CqlError):
    """Text that isn't CQL."""

    code = 0x2000


class UnauthorizedError(CqlError):
    """A statement that the role has no permission for."""

    code = 0x2100


class InvalidRequestError(CqlError):
    """A statement that is CQL but makes no sense here, or that this stand-in doesn't support."""

    code = 0x2200


class UnpreparedError(CqlError):
    """An EXECUTE of a statement that this node doesn't know."""

    code = 0x2500


class NodeAbortedError(Exception):
    """The node has ended in the middle of a request: nobody gets an answer any more."""
