"""Asks before something is destroyed: only where somebody sits, and never by surprise in a script."""

import sys

from daemon.answers import Answers
from daemon.output import Output


def can_ask() -> bool:
    """Whether standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirmed(output: Output, question: str, *, expected: str) -> bool:
    """Whether the one who sits there types exactly what is expected; asks once."""
    return Answers(output).ask(f"{question} Type {expected} to go on: ") == expected
