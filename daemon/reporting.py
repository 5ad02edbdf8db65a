"""Tells what happens: lines on standard error, a progress bar on a terminal, the predecessor's log file."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from backup_core.clock import Clock
from backup_core.storage_errors import storage_errors
from daemon.output import Output
from daemon.progress import Progress, progress_on
from daemon.sentences import sentences


class LineReporter:
    """A `Reporter` that writes the predecessor's lines: time, level, message."""

    def __init__(self, output: Output, clock: Clock, log_file: TextIO | None, progress: Progress) -> None:
        self._output = output
        self._clock = clock
        self._log_file = log_file
        self._progress = progress

    def event(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        for sentence in sentences(name, fields):
            self._write("INFO", sentence)

    def warning(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        for sentence in sentences(name, fields):
            self._write("WARNING", sentence)

    def failure(self, name: str, error: Exception, **fields: Any) -> None:  # noqa: ARG002  (the error says it all)
        """See `Reporter`; the traceback of a bug of ours is its caller's to print."""
        self._write("ERROR", str(error))

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """See `Reporter`."""
        self._progress.update(what, done_bytes, total_bytes)

    def _write(self, level: str, message: str) -> None:
        moment = self._clock.now().astimezone()
        line = f"{moment:%Y-%m-%d %H:%M:%S} - {level} - {message}"
        if self._log_file is not None:
            self._log_file.write(line + "\n")
            self._log_file.flush()
        if level == "ERROR":
            self._output.error(line)
        elif level == "WARNING":
            self._output.warning(line)
        else:
            self._output.message(line)


@contextmanager
def reporting(output: Output, clock: Clock, log_file: Path | None) -> Iterator[LineReporter]:
    """A reporter for the block.

    Args:
        output: where its lines go.
        clock: dates them.
        log_file: appended to as well, if not None.

    Raises:
        PermissionDeniedError, StorageError: the log file can't be written.
    """
    with ExitStack() as stack:
        file = None
        if log_file is not None:
            with storage_errors(log_file, "Failed to open the log file"):
                file = stack.enter_context(log_file.open("a", encoding="utf-8"))
        yield LineReporter(output, clock, file, stack.enter_context(progress_on(output)))
