"""Tells what happens: lines on standard error, a progress bar on a terminal, the predecessor's log file."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from backup_core.clock import Clock
from backup_core.errors import excerpt, one_line
from backup_core.events import Reporter, SilentReporter
from backup_core.model import TABLE_NAME_MAX_LENGTH
from daemon.output import Output
from daemon.progress import Progress, progress_on
from daemon.reporters import Reporters
from daemon.sentences import sentences
from daemon.settings import LogSettings


class LineReporter:
    """A `Reporter` that writes the predecessor's lines: time, level, message."""

    def __init__(self, output: Output, clock: Clock, progress: Progress) -> None:
        self._output = output
        self._clock = clock
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
        if level == "ERROR":
            self._output.error(line)
        elif level == "WARNING":
            self._output.warning(line)
        else:
            self._output.message(line)


@contextmanager
def reporting(output: Output, clock: Clock, log: LogSettings) -> Iterator[Reporter]:
    """A reporter for the block.

    Args:
        output: where its lines go.
        clock: dates them.
        log: names the file that every line is appended to as well, if any.

    Raises:
        PermissionDeniedError, StorageError: the log file can't be written.
    """
    with ExitStack() as stack:
        file = stack.enter_context(_log_file(log, output)) if log.file is not None else SilentReporter()
        yield Reporters(file, LineReporter(output, clock, stack.enter_context(progress_on(output))))


@contextmanager
def _log_file(log: LogSettings, output: Output) -> Iterator[Reporter]:
    from daemon.log_file import file_handler  # noqa: PLC0415  (structlog is for those who have such a file)
    from daemon.log_reporter import LogReporter  # noqa: PLC0415

    handler = file_handler(
        Path(str(log.file)), log.file_format, on_failure=lambda text: output.warning(f"WARNING - {text}")
    )
    logger = logging.getLogger(__name__)
    logger.propagate = False
    logger.setLevel(log.level)
    logger.addHandler(handler)
    try:
        yield LogReporter(logger)
    finally:
        logger.removeHandler(handler)
        handler.close()
