"""The reporter that writes what happens into a log."""

import logging
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, unbind_contextvars

from backup_core.events import OBJECT_STORED, STEP_FINISHED, STEP_STARTED
from daemon.log_lines import FAILURE


_OF_A_STEP = ("step", "table", "repository")
_DETAILS = frozenset({STEP_STARTED, OBJECT_STORED})


class LogReporter:
    """A `Reporter` over a logger of the standard library, whose handlers decide what becomes of the lines.

    While a step lasts, its name and table stand in every line of its thread, libraries' lines included.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
            logger,
            processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    def event(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        if name == STEP_STARTED:
            bind_contextvars(**{key: fields[key] for key in _OF_A_STEP if key in fields})
        tell = self._log.debug if name in _DETAILS else self._log.info
        tell(name, **fields)
        if name == STEP_FINISHED:
            unbind_contextvars(*_OF_A_STEP)

    def warning(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        self._log.warning(name, **fields)

    def failure(self, name: str, error: Exception, **fields: Any) -> None:
        """See `Reporter`; only a bug of ours is told with its traceback."""
        self._log.error(name, **fields, **{FAILURE: error})

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """Nothing: the steps' lines are enough."""
