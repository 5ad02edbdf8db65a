"""Runs a hook's command: in a process group of its own, for a limited time, and with nothing secret around it."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress


INHERITED = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER")
"""What a command sees of our environment, which also has settings, and secrets among them."""

POLL_SECONDS = 0.05
KILL_SECONDS = 5.0
TAIL_BYTES = 2000


def run_command(
    command: Sequence[str], variables: Mapping[str, str], timeout_seconds: float, stopping: threading.Event
) -> None:
    """Run a command to its end.

    Args:
        command: the program and its arguments.
        variables: what it sees in its environment besides `INHERITED`.
        timeout_seconds: then it is killed, and all that it has started.
        stopping: when this is set, likewise.

    Raises:
        TimeoutError: it was killed.
        ChildProcessError: it ended with another exit status than 0; the message has its last line.
        OSError, ValueError: it can't be started.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={name: os.environ[name] for name in INHERITED if name in os.environ} | dict(variables),
        cwd="/",
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101  (it was asked for)
    with process.stdout:
        os.set_blocking(process.stdout.fileno(), False)
        try:
            tail = _wait(process, process.stdout.fileno(), timeout_seconds, stopping)
        except TimeoutError:
            _kill(process)
            raise
    if process.returncode:
        lines = tail.decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
        raise ChildProcessError(f"exit status {process.returncode}: {last}")


def _wait(process: subprocess.Popen[bytes], output: int, timeout_seconds: float, stopping: threading.Event) -> bytes:
    """Wait for its end, not for that of its output, which what it has started may hold open; returns the last of it."""
    deadline = time.monotonic() + timeout_seconds
    tail = b""
    while True:
        try:
            process.wait(POLL_SECONDS)
            return _read(output, tail)
        except subprocess.TimeoutExpired:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"killed after {timeout_seconds:g} s") from None
            if stopping.is_set():
                raise TimeoutError("killed because the daemon ends") from None
            tail = _read(output, tail)


def _read(output: int, tail: bytes) -> bytes:
    """What is there now, at most what a pipe holds: a command that writes without end shall not keep us here."""
    with suppress(BlockingIOError):
        tail += os.read(output, 65536)
    return tail[-TAIL_BYTES:]


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(KILL_SECONDS)
