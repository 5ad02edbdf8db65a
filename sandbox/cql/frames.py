"""Frames of the native protocol, versions 3 and 4: the header, and the notations that bodies are made of."""

import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO

from sandbox.cql.errors import ProtocolError


NEWEST_VERSION = 4

_OLDEST_VERSION = 3
_RESPONSE = 0x80
_HEADER = struct.Struct(">BBhBI")
# Compression and custom payloads would change the body; tracing and warnings only ask.
_UNSUPPORTED_FLAGS = 0x01 | 0x04
_MAXIMUM_BODY_BYTES = 16 * 2**20


class Opcode(IntEnum):
    """What a frame is."""

    ERROR = 0x00
    STARTUP = 0x01
    READY = 0x02
    AUTHENTICATE = 0x03
    OPTIONS = 0x05
    SUPPORTED = 0x06
    QUERY = 0x07
    RESULT = 0x08
    PREPARE = 0x09
    EXECUTE = 0x0A
    REGISTER = 0x0B
    BATCH = 0x0D
    AUTH_RESPONSE = 0x0F
    AUTH_SUCCESS = 0x10


@dataclass(frozen=True, slots=True)
class Request:
    """One request frame."""

    version: int
    stream: int
    opcode: int
    body: bytes


def read_request(stream: BinaryIO) -> Request | None:
    """The next request, None at the end of the connection.

    Raises:
        ProtocolError: not a frame of a supported version; nothing more can be read after it.
    """
    # Other versions have other headers: the first byte alone decides.
    first = stream.read(1)
    if not first:
        return None
    if not _OLDEST_VERSION <= first[0] <= NEWEST_VERSION:
        raise ProtocolError(f"Invalid or unsupported protocol version: {first[0]}")
    header = first + stream.read(_HEADER.size - 1)
    if len(header) < _HEADER.size:
        return None
    version, flags, stream_id, opcode, length = _HEADER.unpack(header)
    if flags & _UNSUPPORTED_FLAGS or length > _MAXIMUM_BODY_BYTES:
        raise ProtocolError(f"Frame with flags {flags:#x} and {length} bytes is not supported")
    body = stream.read(length)
    return Request(version, stream_id, opcode, body) if len(body) == length else None


def response(version: int, stream: int, opcode: Opcode, body: bytes = b"") -> bytes:
    """The bytes of a response frame."""
    return _HEADER.pack(version | _RESPONSE, 0, stream, opcode, len(body)) + body


class Reader:
    """Reads the notations out of a request's body, in order.

    Raises:
        ProtocolError: from every method, where the body ends too early.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    def take(self, count: int) -> bytes:
        """So many bytes."""
        taken = self._body[self._position : self._position + count]
        if len(taken) < count:
            raise ProtocolError("Truncated frame: expected more bytes")
        self._position += count
        return taken

    def byte(self) -> int:
        """[byte]."""
        return self.take(1)[0]

    def short(self) -> int:
        """[short]."""
        return int.from_bytes(self.take(2), "big")

    def int(self) -> int:
        """[int]."""
        return int.from_bytes(self.take(4), "big", signed=True)

    def string(self) -> str:
        """[string]."""
        return self._text(self.take(self.short()))

    def long_string(self) -> str:
        """[long string]."""
        return self._text(self.take(max(self.int(), 0)))

    def value(self) -> bytes | None:
        """[value] or [bytes]; what is null or not set is None."""
        length = self.int()
        return None if length < 0 else self.take(length)

    def short_bytes(self) -> bytes:
        """[short bytes]."""
        return self.take(self.short())

    def string_map(self) -> dict[str, str]:
        """[string map]."""
        return {self.string(): self.string() for _ in range(self.short())}

    @staticmethod
    def _text(encoded: bytes) -> str:
        try:
            return encoded.decode()
        except UnicodeDecodeError as error:
            raise ProtocolError("Cannot decode string as UTF8") from error


def short(number: int) -> bytes:
    """[short]."""
    return number.to_bytes(2, "big")


def integer(number: int) -> bytes:
    """[int]."""
    return number.to_bytes(4, "big", signed=True)


def string(text: str) -> bytes:
    """[string]."""
    encoded = text.encode()
    return short(len(encoded)) + encoded


def value(content: bytes | None) -> bytes:
    """[value] and [bytes]; None is null."""
    return integer(-1) if content is None else integer(len(content)) + content


def short_bytes(content: bytes) -> bytes:
    """[short bytes]."""
    return short(len(content)) + content


def string_multimap(entries: Mapping[str, Iterable[str]]) -> bytes:
    """[string multimap]."""
    encoded = b""
    for key, values in entries.items():
        texts = list(values)
        encoded += string(key) + short(len(texts)) + b"".join(map(string, texts))
    return short(len(entries)) + encoded


def address(host: str) -> bytes:
    """The bytes of an IPv4 address, as values of type inet have them."""
    return socket.inet_aton(host)
