"""The daemon's log: one JSON object a line for the journal, readable lines on a terminal, and a file beside them.

Lines of libraries come out in the same form. What is bound to a run with `structlog.contextvars` stands in every line
of it, whichever of its threads writes it.
"""

import logging
import os
import threading
from collections.abc import Mapping
from typing import TextIO

from daemon.log_file import file_handler
from daemon.log_lines import console_lines, json_lines
from daemon.settings import LogSettings


LOGGER_NAME = "alternator_backup"

LIBRARIES = ("apscheduler", "boto3", "botocore", "cassandra", "urllib3")
"""Never below WARNING: what botocore says at DEBUG would do to sign requests with."""

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def configure_log(log: LogSettings, stream: TextIO, environment: Mapping[str, str]) -> None:
    """Log as the settings say from now on; where that fails, it goes on as before.

    Args:
        log: the settings.
        stream: standard error.
        environment: tells whether that leads to the journal.

    Raises:
        PermissionDeniedError, StorageError: the log file can't be opened.
    """
    handlers = [_stream_handler(log, stream, environment)]
    if log.file is not None:
        handlers.append(file_handler(log.file, log.file_format, logging.getLogger(LOGGER_NAME).warning))
    root = logging.getLogger()
    former, root.handlers[:] = list(root.handlers), handlers
    for handler in former:
        handler.close()
    root.setLevel(log.level)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))
    # A log that can't be written, on a full disk, is no reason to fill standard error with tracebacks.
    logging.raiseExceptions = False
    threading.excepthook = _log_thread_failure


def _stream_handler(log: LogSettings, stream: TextIO, environment: Mapping[str, str]) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    if log.format == "console" or (log.format == "auto" and stream.isatty()):
        handler.setFormatter(console_lines(colours=stream.isatty() and not environment.get("NO_COLOR")))
    else:
        handler.setFormatter(json_lines())
    if _leads_to_journal(stream, environment):
        handler.setFormatter(_Prioritized(handler.formatter))
    return handler


class _Prioritized(logging.Formatter):
    """Puts before each line what journald takes for its priority (sd-daemon(3)), so that `journalctl -p err` works."""

    def __init__(self, lines: logging.Formatter | None) -> None:
        super().__init__()
        self._lines = lines or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """A record's lines."""
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in self._lines.format(record).splitlines())


def _leads_to_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    """What ends a thread of a library that nobody waits for is told in the log as well."""
    name = failure.thread.name if failure.thread else "unknown"
    logging.getLogger(LOGGER_NAME).error("Thread %s ended", name, exc_info=failure.exc_value)
