"""CQL's types: their names, how the protocol names them, and their values as bytes."""

import struct
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sandbox.cql import frames


@dataclass(frozen=True, slots=True)
class CqlType:
    """A type: its name without parameters, and the types that are its parameters."""

    name: str
    parameters: tuple["CqlType", ...] = ()

    def __str__(self) -> str:
        """The type as CQL writes it."""
        if not self.parameters:
            return self.name
        return f"{self.name}<{', '.join(map(str, self.parameters))}>"


@lru_cache(maxsize=256)
def parse(text: str) -> CqlType:
    """The type that CQL writes so, for example `map<text, frozen<list<int>>>`; `frozen` makes no difference here.

    Raises:
        ValueError: there is no such type.
    """
    name, _, rest = text.strip().partition("<")
    if not rest:
        if name not in _SIMPLE:
            raise ValueError(f"no such type: {text!r}")
        return CqlType(name)
    parameters = tuple(map(parse, _split(rest.removesuffix(">"))))
    if name == "frozen":
        return parameters[0]
    if name not in _COLLECTIONS:
        raise ValueError(f"no such type: {text!r}")
    return CqlType(name, parameters)


def option(type_: CqlType) -> bytes:
    """The type as the protocol's [option], for a result's metadata."""
    if not type_.parameters:
        return frames.short(_SIMPLE[type_.name][0])
    count = frames.short(len(type_.parameters)) if type_.name == "tuple" else b""
    return frames.short(_COLLECTIONS[type_.name]) + count + b"".join(map(option, type_.parameters))


def serialize(type_: CqlType, value: Any) -> bytes | None:
    """A Python value as the protocol's bytes; None is null, and so is an empty collection, as in a real column."""
    if value is None or (type_.name in _NULL_WHEN_EMPTY and not value):
        return None
    if type_.name == "map":
        key, content = type_.parameters
        pairs = ((serialize(key, k), serialize(content, v)) for k, v in sorted(value.items()))
        return _counted(len(value), (part for pair in pairs for part in pair))
    if type_.name in ("list", "set"):
        ordered = sorted(value) if type_.name == "set" else value
        return _counted(len(value), (serialize(type_.parameters[0], each) for each in ordered))
    if type_.name == "tuple":
        members = zip(type_.parameters, value, strict=True)
        return b"".join(frames.value(serialize(*member)) for member in members)
    return _SIMPLE[type_.name][1](value)


def _counted(count: int, parts: Iterable[bytes | None]) -> bytes:
    return frames.integer(count) + b"".join(map(frames.value, parts))


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _signed(size: int) -> Callable[[int], bytes]:
    return lambda number: number.to_bytes(size, "big", signed=True)


def _milliseconds(moment: datetime) -> bytes:
    return round(moment.timestamp() * 1000).to_bytes(8, "big", signed=True)


def _uuid(value: uuid.UUID) -> bytes:
    return value.bytes


_SIMPLE: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "bigint": (0x02, _signed(8)),
    "blob": (0x03, bytes),
    "boolean": (0x04, lambda value: bytes([value])),
    "double": (0x07, struct.Struct(">d").pack),
    "int": (0x09, _signed(4)),
    "timestamp": (0x0B, _milliseconds),
    "uuid": (0x0C, _uuid),
    "text": (0x0D, str.encode),
    "timeuuid": (0x0F, _uuid),
    "inet": (0x10, frames.address),
    "tinyint": (0x14, _signed(1)),
}
_COLLECTIONS = {"list": 0x20, "map": 0x21, "set": 0x22, "tuple": 0x31}
_NULL_WHEN_EMPTY = ("list", "set")
