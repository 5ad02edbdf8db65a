"""DESCRIBE's text, split into statements: the table for one file, each view for one of its own."""

import re
from collections.abc import Iterator

from backup_core.errors import NodeRefusedError


TOKEN = re.compile(
    r"""
      (?P<blank>   \s+ | --[^\n]* | //[^\n]* | /\*.*?\*/ )
    | (?P<literal> '(?:[^']|'')*' | "(?:[^"]|"")*" | \$\$.*?\$\$ )
    | (?P<word>    [A-Za-z_][A-Za-z_0-9]* )
    | (?P<end>     ; )
    | (?P<open>    [(\[{] )
    | (?P<close>   [)\]}] )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
"""What CQL consists of; it matches at each place of any text."""

_STATEMENT = re.compile(r"[ \t]*(CREATE|ALTER)\b", re.IGNORECASE)
_TABLE = re.compile(r"CREATE\s+(TABLE|COLUMNFAMILY)\b", re.IGNORECASE)
_INDEX = re.compile(r"CREATE\s+(CUSTOM\s+)?INDEX\b", re.IGNORECASE)
_VIEW = re.compile(r"CREATE\s+MATERIALIZED\s+VIEW\b", re.IGNORECASE)


def separate_schema_and_views(text: str) -> tuple[str, list[str]]:
    """Split what describes a table into the table and its views.

    Args:
        text: rows of a server-side `DESCRIBE TABLE` joined, or what cqlsh prints for `DESC TABLE`: with or without
            semicolons, with any line endings, with comments, and whatever the string literals hold.

    Returns:
        CREATE TABLE (with the CREATE INDEX statements that belong to it, if any), and each CREATE MATERIALIZED VIEW
        in its order; each ends with a semicolon. Other statements, a CDC log's ALTER TABLE say, are left out.

    Raises:
        NodeRefusedError: there is no CREATE TABLE in it, or a statement is cut off.
    """
    statements = list(_statements(text.replace("\r\n", "\n").replace("\r", "\n")))
    tables = [statement for statement in statements if _TABLE.match(statement)]
    if not tables:
        raise NodeRefusedError(
            "Failed to extract table schema: the description holds no CREATE TABLE.",
            hint="Look at what DESCRIBE TABLE answers in cqlsh for this table.",
        )
    indexes = [statement for statement in statements if _INDEX.match(statement)]
    views = [statement for statement in statements if _VIEW.match(statement)]
    return "\n\n".join([tables[0], *indexes]), views


def _statements(text: str) -> Iterator[str]:
    """The CREATE and ALTER statements of a text.

    One starts where a line (or what follows a semicolon) begins with its verb outside of everything that nests, and
    ends at a semicolon or where the next one starts. What stands before the first (cqlsh's greetings) is passed over
    line by line, since it needn't be CQL at all.
    """
    position = 0
    while position < len(text):
        comment = TOKEN.match(text, position)
        if comment is not None and comment["blank"]:
            position = comment.end()
        elif _STATEMENT.match(text, position):
            end = _end_of_statement(text, position)
            yield text[position:end].strip().rstrip(";").rstrip() + ";"
            position = end
        else:
            newline = text.find("\n", position)
            position = len(text) if newline < 0 else newline + 1


def _end_of_statement(text: str, start: int) -> int:
    depth = 0
    at_line_start = False
    position = start
    while (token := TOKEN.match(text, position)) is not None:
        if token["end"] and depth == 0:
            return token.end()
        if token["word"] and depth == 0 and at_line_start and _STATEMENT.match(text, position):
            return position
        if token["blank"]:
            at_line_start = at_line_start or "\n" in token.group()
        else:
            at_line_start = False
            depth += 1 if token["open"] else -1 if token["close"] else 0
        position = token.end()
    if depth:
        raise NodeRefusedError(
            f"Failed to extract table schema: its text ends in the middle of {text[start : start + 60]!r}.",
            hint="Look at what DESCRIBE TABLE answers in cqlsh for this table.",
        )
    return len(text)
