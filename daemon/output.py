"""What the verbs print: data on standard output, messages on standard error."""

import json
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from backup_core.storage_errors import storage_errors


class Output:
    """Prints; a standard output that was closed early is no error, and what follows goes nowhere.

    Attributes:
        verbosity: -1 errors only, 0 as usual, 1 everything.
    """

    def __init__(self, verbosity: int = 0) -> None:
        self.verbosity = verbosity

    @property
    def on_terminal(self) -> bool:
        """Whether somebody looks at the messages."""
        return sys.stderr.isatty()

    def data(self, text: str) -> None:
        """A line of what was asked for."""
        _write(sys.stdout, text + "\n")

    def question(self, text: str) -> None:
        """What is asked; the answer follows on its line."""
        _write(sys.stdout, text)

    def json(self, value: Any) -> None:
        """What was asked for, for programs."""
        self.data(json.dumps(value, indent=2, ensure_ascii=False, default=str))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """What was asked for, in columns; plain text where nobody looks at it."""
        if sys.stdout.isatty():
            self._rich_table(columns, rows)
            return
        lines = [tuple(column.upper() for column in columns), *rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
        for line in lines:
            self.data("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    def message(self, text: str) -> None:
        """A line about what is going on."""
        if self.verbosity >= 0:
            _write(sys.stderr, text + "\n")

    def warning(self, text: str) -> None:
        """A line that somebody should look at; told even to who asked for errors only."""
        _write(sys.stderr, self._coloured(text, _YELLOW) + "\n")

    def error(self, text: str) -> None:
        """The one line about a failure."""
        _write(sys.stderr, self._coloured(text, _RED) + "\n")

    def traceback(self, error: BaseException) -> None:
        """Where a bug of ours is: nothing else is ever shown with a traceback."""
        _write(sys.stderr, "".join(traceback.format_exception(error)))

    def _coloured(self, text: str, colour: str) -> str:
        """Text in a colour where somebody looks and nobody objects (no-color.org)."""
        if not self.on_terminal or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return text
        return f"{colour}{text}{_PLAIN}"

    def _rich_table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        from rich.box import SIMPLE_HEAD  # noqa: PLC0415  (only a terminal pays for it)
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
        Console().print(table)


_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"

_STYLES = {
    "complete": "green",
    "ok": "green",
    "unverified": "yellow",
    "warning": "yellow",
    "damaged": "red",
    "failure": "red",
}


def prepare_streams() -> None:
    """At the start: a stream that the caller has closed (`>&-`) goes nowhere, and no character is refused."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  (for good)
        stream.reconfigure(errors="replace")  # a terminal in Latin-1 is no reason to fail
        setattr(sys, name, stream)


def flush_or_forget() -> None:
    """At the end: what can't be written any more doesn't change the exit code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _forget(stream)


def _write(stream: TextIO, text: str) -> None:
    """Write, and flush.

    Raises:
        StorageError: what was asked for can't be written, on a full disk for example; nobody hears of messages then.
    """
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _forget(stream)
    except OSError:
        _forget(stream)
        if stream is sys.stdout:
            with storage_errors(Path("standard output")):
                raise


def _forget(stream: TextIO) -> None:
    """Let everything that is still written to a closed pipe go nowhere, also at the interpreter's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
