"""The documents of the project, and what stands in them, for the tests that hold them against the code."""

import re
from collections.abc import Iterator
from pathlib import Path


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")]
DOCUMENTS = tuple(sorted([*PAGES, *(ROOT / "docs").glob("*.md")]))


def document(name: str) -> str:
    """The text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def fenced(text: str, language: str) -> Iterator[str]:
    """Contents of a document's fenced blocks of one language, also of indented ones."""
    for match in re.finditer(r"^ *```(\w+)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        if match[1] == language:
            yield match[2]
