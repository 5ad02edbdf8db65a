"""What somebody types, or pipes in."""

import os
import sys

from daemon.output import Output


class Answers:
    """The lines of standard input, each the answer to a question."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._read_ahead: str | None = None
        # Standard input may be closed altogether; and what is no text is no answer, but no failure either.
        descriptor = os.open(os.devnull, os.O_RDONLY) if sys.stdin is None else sys.stdin.fileno()
        self._input = open(descriptor, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115

    def ask(self, question: str) -> str | None:
        """The answer to a question without the space around it; None at the end of the input."""
        self._output.question(question)
        line, self._read_ahead = self._read_ahead or self._input.readline(), None
        if not line or not self._input.isatty():
            # Nobody has pressed Enter behind the question.
            self._output.data("")
        return line.strip() if line else None

    def more(self) -> bool:
        """Whether another question makes sense: somebody sits there, or there is another line."""
        if self._input.isatty():
            return True
        self._read_ahead = self._input.readline()
        return bool(self._read_ahead)
