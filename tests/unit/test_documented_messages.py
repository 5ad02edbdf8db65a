"""The lines that docs/troubleshooting.md quotes, held against the messages that the code can write."""

import ast
import re
from collections.abc import Iterator

import pytest

from daemon.sentences import SENTENCES
from tests.documents import ROOT, document, fenced


EVIDENCE_CHARACTERS = 8
"""So much of a message must be the code's own words, not values, before a line counts as one of it."""

LEVEL = re.compile(r"ERROR - |WARNING - |(?:failure|warning) +\w+ +")


def quoted_lines() -> list[str]:
    """Lines of the command that the page shows, those of Python and of summaries left out."""
    blocks = fenced(document("docs/troubleshooting.md"), "text")
    return [line for block in blocks for line in block.splitlines() if LEVEL.match(line)]


def messages() -> Iterator[re.Pattern[str]]:
    """What begins like a message of the code: its own words, with anything where it puts values in."""
    for package in ("backup_core", "daemon"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                words = literal_parts(node)
                if sum(map(len, words)) >= EVIDENCE_CHARACTERS:
                    yield re.compile(".+?".join(map(re.escape, words)))
    for templates in SENTENCES.values():
        for template in templates:
            yield re.compile(re.sub(r"\\\{.+?\\\}", ".+?", re.escape(template)))


def literal_parts(node: ast.AST) -> list[str]:
    """The texts of a string or f-string, in the order in which values stand between them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        parts = [""]
        for value in node.values:
            if isinstance(value, ast.Constant):
                parts[-1] += str(value.value)
            else:
                parts.append("")
        return parts
    return []


MESSAGES = tuple(messages())


@pytest.mark.parametrize("line", quoted_lines())
def test_quoted_lines_are_messages_of_the_code(line: str) -> None:
    """Each line that the page quotes is, after its level, a message that the code can write."""
    said = LEVEL.sub("", line, count=1)
    assert any(message.match(said) or message.match(line) for message in MESSAGES)


def test_made_up_lines_are_none() -> None:
    """A line that nothing in the code writes is told from those that it does."""
    assert not any(message.match("Table 'users' was eaten. Feed it less.") for message in MESSAGES)
