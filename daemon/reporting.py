"""Tells what happens: lines on standard error, a progress bar on a terminal, the predecessor's log file."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from backup_core.clock import Clock
from backup_core.errors import excerpt, one_line
from backup_core.model import TABLE_NAME_MAX_LENGTH
from backup_core.storage_errors import storage_errors
from daemon.output import Output
from daemon.progress import Progress, progress_on
from daemon.sentences import sentences


class LineReporter:
    """A `Reporter` that writes the predecessor's lines: time, level, message."""

    def __init__(self, output: Output, clock: Clock, log_file: FileIO | None, progress: Progress) -> None:
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
        text, table = str(error), excerpt(one_line(fields.get("table", "")), TABLE_NAME_MAX_LENGTH)
        self._write("ERROR", text if table in text else f"Table '{table}': {text}")

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """See `Reporter`."""
        self._progress.update(what, done_bytes, total_bytes)

    def _write(self, level: str, message: str) -> None:
        moment = self._clock.now().astimezone()
        line = f"{moment:%Y-%m-%d %H:%M:%S} - {level} - {one_line(message)}"
        self._log(line)
        if level == "ERROR":
            self._output.error(line)
        elif level == "WARNING":
            self._output.warning(line)
        else:
            self._output.message(line)

    def _log(self, line: str) -> None:
        """Append to the log file; one that can't be written any more is told once, and ends nothing."""
        if self._log_file is None:
            return
        try:
            self._log_file.write(f"{line}\n".encode())
        except OSError as error:
            self._output.warning(f"WARNING - Failed to write the log file {self._log_file.name}: {error.strerror}")
            self._log_file = None


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
                # Without a buffer closing it has nothing left to fail with.
                file = stack.enter_context(log_file.open("ab", buffering=0))
        yield LineReporter(output, clock, file, stack.enter_context(progress_on(output)))
