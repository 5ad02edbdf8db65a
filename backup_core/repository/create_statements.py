"""CREATE TABLE and CREATE MATERIALIZED VIEW as DESCRIBE prints them, read into names, columns and keys."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backup_core.ddl import TOKEN
from backup_core.errors import ManifestError


Tokens = Sequence[re.Match[str]]


@dataclass(frozen=True, slots=True)
class CreateStatement:
    """A table or a view.

    Attributes:
        keyspace, name: without quotes.
        columns: types by name; empty for a view.
        partition_key, clustering_key: names of columns.
    """

    keyspace: str
    name: str
    columns: Mapping[str, str]
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]


def read_table(statement: str) -> CreateStatement:
    """A CREATE TABLE.

    Raises:
        ManifestError: it is none, or cut off.
    """
    tokens = _tokens(statement)
    keyspace, name, position = _name(tokens, _after_words(tokens, "CREATE", "TABLE"))
    body = _group(tokens, position)
    columns: dict[str, str] = {}
    key: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    for part in _parts(body):
        inline = _find_words(part, "PRIMARY", "KEY")
        if inline == 0:
            key = _key(_group(part, 2))
            continue
        column = _identifier(part, 0)
        columns[column] = "".join(token.group() for token in part[1:inline])
        if inline is not None:
            key = ((column,), ())
    if key is None:
        raise _unreadable("has no PRIMARY KEY", statement)
    unknown = {*key[0], *key[1]} - columns.keys()
    if unknown:
        raise _unreadable(f"has no column {min(unknown)!r}, which is a key", statement)
    return CreateStatement(keyspace, name, columns, *key)


def read_view(statement: str) -> CreateStatement:
    """A CREATE MATERIALIZED VIEW; its WHERE may be empty.

    Raises:
        ManifestError: it is none, or cut off.
    """
    tokens = _tokens(statement)
    keyspace, name, position = _name(tokens, _after_words(tokens, "CREATE", "MATERIALIZED", "VIEW"))
    key_at = _find_words(tokens[position:], "PRIMARY", "KEY")
    if key_at is None:
        raise _unreadable("has no PRIMARY KEY", statement)
    return CreateStatement(keyspace, name, {}, *_key(_group(tokens, position + key_at + 2)))


def _tokens(statement: str) -> Tokens:
    return [token for token in TOKEN.finditer(statement) if not token["blank"]]


def _after_words(tokens: Tokens, *words: str) -> int:
    """Where the name stands: behind the verb, and IF NOT EXISTS if that is there."""
    if not _are_words(tokens, 0, words):
        raise _unreadable(f"isn't a {' '.join(words)}", _text(tokens))
    optional = ("IF", "NOT", "EXISTS")
    position = len(words)
    return position + len(optional) if _are_words(tokens, position, optional) else position


def _are_words(tokens: Tokens, position: int, words: Sequence[str]) -> bool:
    there = tokens[position : position + len(words)]
    return [token.group().upper() for token in there if token["word"]] == list(words)


def _find_words(tokens: Tokens, *words: str) -> int | None:
    return next((position for position in range(len(tokens)) if _are_words(tokens, position, words)), None)


def _name(tokens: Tokens, position: int) -> tuple[str, str, int]:
    """Keyspace and name, and where they end."""
    keyspace, name = _identifier(tokens, position), _identifier(tokens, position + 2)
    if tokens[position + 1].group() != ".":
        raise _unreadable("has no keyspace", _text(tokens))
    return keyspace, name, position + 3


def _identifier(tokens: Tokens, position: int) -> str:
    token = tokens[position] if position < len(tokens) else None
    if token is not None and token["word"]:
        return token.group()
    if token is not None and token.group().startswith('"'):
        return token.group()[1:-1].replace('""', '"')
    raise _unreadable("lacks a name", _text(tokens))


def _group(tokens: Tokens, position: int) -> Tokens:
    """What stands between the parenthesis at a position and the one that closes it."""
    if position >= len(tokens) or tokens[position].group() != "(":
        raise _unreadable("lacks a parenthesis", _text(tokens))
    depth = 0
    for end in range(position, len(tokens)):
        depth += 1 if tokens[end]["open"] else -1 if tokens[end]["close"] else 0
        if depth == 0:
            return tokens[position + 1 : end]
    raise _unreadable("is cut off", _text(tokens))


def _parts(tokens: Tokens) -> Iterator[Tokens]:
    """What commas separate, but for those inside of `map<text, blob>` and parentheses."""
    depth = start = 0
    for position, token in enumerate(tokens):
        depth += 1 if token["open"] or token.group() == "<" else 0
        depth -= 1 if token["close"] or token.group() == ">" else 0
        if depth == 0 and token.group() == ",":
            yield tokens[start:position]
            start = position + 1
    if tokens[start:]:
        yield tokens[start:]


def _key(tokens: Tokens) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = list(_parts(tokens))
    if not parts or not all(parts):
        raise _unreadable("has an empty key", _text(tokens))
    composite = parts[0][0].group() == "("
    partition = (
        [_identifier(part, 0) for part in _parts(_group(parts[0], 0))] if composite else [_identifier(parts[0], 0)]
    )
    return tuple(partition), tuple(_identifier(part, 0) for part in parts[1:])


def _text(tokens: Tokens) -> str:
    return tokens[0].string if tokens else ""


def _unreadable(what: str, statement: str) -> ManifestError:
    return ManifestError(f"The DDL {what}: {statement[:60]!r}")
