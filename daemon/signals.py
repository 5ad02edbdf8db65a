"""Ctrl-C and SIGTERM while there is work: the first asks it to stop soon, a later Ctrl-C ends at once.

The daemon has a queue of them, and of SIGHUP.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from types import FrameType

from backup_core.cancel import CancelToken
from backup_core.errors import RunCancelledError


EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

IMPATIENCE_SECONDS = 1.0
"""A Ctrl-C so soon after the first signal is the same one: a terminal and a wrapper may both pass it on."""

_STOPPING = {
    signal.SIGINT: "Stopping after the current step; Ctrl-C again ends at once.\n",
    signal.SIGTERM: "Stopping after the current step; Ctrl-C ends at once.\n",
}
_ENDING = "Ended at once; the next run clears what is left.\n"
_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def cancelling(token: CancelToken) -> Iterator[None]:
    """Let both signals set `token` for the block. What a second Ctrl-C leaves behind, the journal knows."""
    stderr = sys.stderr.fileno()
    first_at = 0.0

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first_at
        received = signal.Signals(number)
        if not token.is_set():
            first_at = time.monotonic()
            token.set(EXIT_CODES[received])
            _tell(stderr, _STOPPING[received])
        elif received is signal.SIGINT and time.monotonic() - first_at >= IMPATIENCE_SECONDS:
            # The progress bar hides the cursor, and won't get round to showing it again.
            _tell(stderr, (_SHOW_CURSOR if os.isatty(stderr) else "") + _ENDING)
            os._exit(EXIT_CODES[received])

    former = {number: signal.signal(number, handle) for number in EXIT_CODES}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def queue_signals(signals: SimpleQueue[int]) -> None:
    """From now on put the numbers of SIGTERM, SIGINT and SIGHUP into a queue, and do nothing else.

    Handlers must not take locks; SimpleQueue.put is documented as safe to be called from them.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    for number in (*EXIT_CODES, signal.SIGHUP):
        signal.signal(number, handle)


def _tell(stderr: int, text: str) -> None:
    """Write without the locks of Python's streams, which the interrupted code may hold."""
    with suppress(OSError):
        os.write(stderr, text.encode())


def raise_on_sigterm() -> None:
    """Where there is nothing to be cleaned up, SIGTERM ends the verb as Ctrl-C does."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise RunCancelledError("Terminated.", exit_code=EXIT_CODES[signal.SIGTERM])

    signal.signal(signal.SIGTERM, handle)
