"""The progress bar: bytes and rate of what is being archived, on a terminal only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from daemon.output import Output


class Progress(Protocol):
    """Shows how far something is."""

    def update(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """Show it."""


class NoProgress:
    """Shows nothing."""

    def update(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """Nothing."""


@contextmanager
def progress_on(output: Output) -> Iterator[Progress]:
    """A bar for the block where somebody looks, nothing elsewhere; lines that are written meanwhile go above it."""
    if output.on_terminal and output.verbosity >= 0:
        with _bar() as bar:
            yield bar
    else:
        yield NoProgress()


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415  (only a terminal pays for it)
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    bar = RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        yield _RichBar(bar)


class _RichBar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._tasks: dict[str, Any] = {}

    def update(self, what: str, done_bytes: int, total_bytes: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total_bytes)
        self._bar.update(self._tasks[what], completed=done_bytes)
        if done_bytes >= total_bytes:
            self._bar.remove_task(self._tasks.pop(what))
