"""CQL text cut into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sandbox.cql.errors import CqlSyntaxError


Kind = Literal["word", "name", "string", "uuid", "blob", "float", "integer", "mark", "end"]

_UUID = "-".join(f"[0-9a-fA-F]{{{length}}}" for length in (8, 4, 4, 4, 12))
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")+")
    |(?P<uuid>{_UUID})
    |(?P<blob>0[xX][0-9a-fA-F]*)
    |(?P<float>-?\d+\.\d*(?:[eE][+-]?\d+)?)
    |(?P<integer>-?\d+)
    |(?P<word>[a-zA-Z]\w*)
    |(?P<mark><=|>=|!=|[=<>*(){{}}\[\],.;:?+-])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token.

    Attributes:
        kind: `word` is an unquoted name or a keyword, `name` a quoted one; `end` stands after the last.
        text: as written, but without quotes where it had some.
        line: counted from 1.
        column: counted from 0.
    """

    kind: Kind
    text: str
    line: int
    column: int

    def is_word(self, word: str) -> bool:
        """Whether it is this keyword, in any case."""
        return self.kind == "word" and self.text.lower() == word.lower()

    def is_mark(self, mark: str) -> bool:
        """Whether it is this punctuation."""
        return self.kind == "mark" and self.text == mark


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a statement, with an `end` after them.

    Raises:
        CqlSyntaxError: a character that can't start a token.
    """
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise error(_token("mark", text[position], text, position))
        if found.lastgroup != "space":
            yield _token(_KINDS[str(found.lastgroup)], found.group(), text, position)
        position = found.end()
    yield _token("end", "<EOF>", text, position)


def error(token: Token) -> CqlSyntaxError:
    """What the server says when it can't go on at a token."""
    return CqlSyntaxError(f"line {token.line}:{token.column} no viable alternative at input '{token.text}'")


def _token(kind: Kind, written: str, text: str, position: int) -> Token:
    if kind in ("string", "name"):
        quote = written[0]
        written = written[1:-1].replace(quote * 2, quote)
    before = text[:position]
    return Token(kind, written, before.count("\n") + 1, position - (before.rfind("\n") + 1))


_KINDS: dict[str, Kind] = {
    "string": "string",
    "name": "name",
    "uuid": "uuid",
    "blob": "blob",
    "float": "float",
    "integer": "integer",
    "word": "word",
    "mark": "mark",
}
