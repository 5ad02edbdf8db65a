"""A command on a terminal of its own, for tests: what is typed there, Ctrl-C too, comes as it does from a user."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


# The terminal has to become the new session's own before the command starts, or Ctrl-C is nothing but a character.
# And where the tests run in the background, SIGINT is ignored, which a command inherits, but not from a terminal.
_TAKE_TERMINAL = (
    "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """What a user sees, and types."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self._unread = ""

    def answer(self, question: str, text: str, *, end: str = "\n") -> None:
        """Wait for the question, then type."""
        self.wait_for(question)
        os.write(self._descriptor, (text + end).encode())

    def wait_for(self, text: str) -> None:
        """Read until the text was there."""
        while text not in self._unread:
            read = self._read()
            assert read, f"{text!r} never came, but {self._unread!r}"
            self._unread += read
        self._unread = self._unread.partition(text)[2]

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""
        return self._process.wait()

    def _read(self) -> str:
        try:
            return os.read(self._descriptor, 4096).decode(errors="replace")
        except OSError:
            # The other side of a terminal is gone.
            return ""


@contextmanager
def on_terminal(command: Sequence[str], environment: dict[str, str]) -> Iterator[Terminal]:
    """Run a command on a terminal for the block; it is killed if it hasn't ended by then."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _TAKE_TERMINAL, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)
