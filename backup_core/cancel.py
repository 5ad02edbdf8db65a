"""The token through which a signal reaches the steps. It is passed in; nothing here knows about signals."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from typing import TypeVar

from backup_core.errors import RunCancelledError


POLL_SECONDS = 0.05

T = TypeVar("T")


class CancelToken:
    """Set once by whoever owns the signals; looked at by the steps between two pieces of work.

    It is a bare attribute on purpose: a signal handler sets it, and handlers must not take locks.

    Args:
        work: what is stopped, as the message calls it.
    """

    def __init__(self, work: str = "Backup process") -> None:
        self._work = work
        self._exit_code: int | None = None
        self._shield = threading.local()

    def set(self, exit_code: int) -> None:
        """Ask everything to stop at its next boundary; `exit_code` is 130 or 143, whichever signal it was."""
        self._exit_code = exit_code

    def is_set(self) -> bool:
        """Whether somebody has asked."""
        return self._exit_code is not None

    def raise_if_set(self) -> None:
        """End the step here.

        Raises:
            RunCancelledError: if the token was set.
        """
        if self._exit_code is not None and not self._is_shielded():
            raise RunCancelledError(f"{self._work} interrupted by user.", exit_code=self._exit_code)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """For the block, what this thread waits for isn't ended: it takes away what must not stay behind."""
        former = self._is_shielded()
        self._shield.is_up = True
        try:
            yield
        finally:
            self._shield.is_up = former

    def _is_shielded(self) -> bool:
        return getattr(self._shield, "is_up", False)

    def sleep(self, seconds: float) -> None:
        """Wait, but not past being set.

        Raises:
            RunCancelledError: if the token was set.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.raise_if_set()
            time.sleep(min(left, POLL_SECONDS))
        self.raise_if_set()

    def call(self, work: Callable[[], T], *, grace_seconds: float = 0.0) -> T:
        """Wait for `work`, which may block, but not past being set; then it goes on in its thread, unheard.

        Args:
            work: what may block.
            grace_seconds: how long it may take even so; with a grace it is begun whether the token is set or not.

        Raises:
            RunCancelledError: if the token was set, and the grace is over.
            Exception: whatever `work` raises.
        """
        if not grace_seconds:
            self.raise_if_set()
        done: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

        def run() -> None:
            try:
                done.put((work(), None))
            except BaseException as error:  # noqa: BLE001  (it is raised again, in the thread that waits)
                done.put((None, error))

        # What is bound to the lines of a run holds for those of this thread too.
        thread = threading.Thread(target=copy_context().run, args=(run,), daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(POLL_SECONDS)
            if self.is_set() and not self._is_shielded():
                thread.join(grace_seconds)
                break
        if done.empty():
            self.raise_if_set()
        value, error = done.get()
        if error is not None:
            raise error
        return value  # type: ignore[return-value]  # what work returned, whatever T is
