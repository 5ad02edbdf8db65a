"""Ctrl-C and SIGTERM while there is work: the first asks it to stop at its next boundary, the second ends at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from backup_core.cancel import CancelToken
from backup_core.errors import RunCancelledError


EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@contextmanager
def cancelling(token: CancelToken) -> Iterator[None]:
    """Let both signals set `token` for the block. What a second one leaves behind, the journal knows."""

    def handle(number: int, _frame: FrameType | None) -> None:
        code = EXIT_CODES[signal.Signals(number)]
        if token.is_set():
            os._exit(code)
        token.set(code)

    former = {number: signal.signal(number, handle) for number in EXIT_CODES}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def raise_on_sigterm() -> None:
    """Where there is nothing to be cleaned up, SIGTERM ends the verb as Ctrl-C does."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise RunCancelledError("Terminated.", exit_code=EXIT_CODES[signal.SIGTERM])

    signal.signal(signal.SIGTERM, handle)
