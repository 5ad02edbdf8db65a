"""The log file beside the lines on standard error: appended to, and moved away by logrotate when it likes."""

import io
import logging
import sys
from collections.abc import Callable
from logging.handlers import WatchedFileHandler
from pathlib import Path

from backup_core.storage_errors import storage_errors
from daemon.log_lines import is_told, json_lines, predecessor_lines


def file_handler(path: Path, file_format: str, on_failure: Callable[[str], object]) -> logging.Handler:
    """Appends to a file, to another one under its name when logrotate has moved it away.

    Args:
        path: the file.
        file_format: `text` for the predecessor's lines, or `json`.
        on_failure: hears that a line can't be written; not again before one could be. Nothing ends for that.

    Raises:
        PermissionDeniedError, StorageError: it can't be opened.
    """
    with storage_errors(path, "Failed to open the log file"):
        handler = _LogFile(path, on_failure)
    if file_format == "text":
        handler.addFilter(is_told)
        handler.setFormatter(predecessor_lines())
    else:
        handler.setFormatter(json_lines())
    return handler


class _LogFile(WatchedFileHandler):
    def __init__(self, path: Path, on_failure: Callable[[str], object]) -> None:
        self._on_failure = on_failure
        self._told = False
        super().__init__(path, encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        try:
            super().emit(record)
        except OSError:  # where logrotate's new file can't be opened
            self.handleError(record)

    def flush(self) -> None:
        """What was written is in the file by now."""
        super().flush()
        self._told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Tell that a line is lost, once; that may be logged itself, and come here again."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._told:
            self._told = True
            self._on_failure(f"Failed to write the log file {self.baseFilename}: {error.strerror}")

    def _open(self) -> io.TextIOWrapper:
        # Without a buffer there is nothing left over that closing could fail with.
        raw = io.FileIO(self.baseFilename, "a")
        return io.TextIOWrapper(raw, encoding=self.encoding, errors=self.errors, write_through=True)
