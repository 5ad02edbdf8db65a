"""What a line of the log looks like: JSON, for a terminal, or as the predecessor wrote it."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer, JSONRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, WrappedLogger

from backup_core.errors import BackupError, StepError
from backup_core.events import LIBRARY_LOGGED
from daemon.sentences import sentences


FAILURE = "_failure"
"""Key of the exception that a line is about, until it is spelled out."""

MOST_FRAMES = 20
"""Of a traceback: journald splits lines of more than 48 KiB."""

_STRUCTLOG_KEYS = ("_record", "_from_structlog")


def json_lines() -> logging.Formatter:
    """One JSON object a line: timestamp, level, event, then what the run has bound and what the event says itself."""
    # Local variables hold passwords: a traceback never shows them.
    tracebacks = ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=MOST_FRAMES))
    to_json = JSONRenderer(serializer=partial(json.dumps, ensure_ascii=False), default=_plain)
    return ProcessorFormatter(processors=[merge_contextvars, _spell_out, tracebacks, _as_one_line, to_json])


def console_lines(*, colours: bool) -> logging.Formatter:
    """For who looks at it; with colours or without."""
    to_console = ConsoleRenderer(colors=colours, exception_formatter=plain_traceback)
    return ProcessorFormatter(processors=[merge_contextvars, _spell_out, _as_one_line, to_console])


def predecessor_lines() -> logging.Formatter:
    """Local time, level and sentence; an event may take several lines."""
    return ProcessorFormatter(processors=[_as_predecessor])


def is_told(record: logging.LogRecord) -> bool:
    """Whether the predecessor's lines tell of it at all."""
    return bool(_sentences(record.msg) if isinstance(record.msg, dict) else record.msg)


def _spell_out(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """The level, the logger's name, and what is to be told of a failure."""
    record: logging.LogRecord = line["_record"]
    if not line["_from_structlog"]:
        line["message"], line["event"], line["logger"] = line["event"], LIBRARY_LOGGED, record.name
    failure = line.pop(FAILURE, None)
    if failure is not None:
        line.update({key: value for key, value in _context(failure).items() if key not in line})
        line.update(error=getattr(failure, "message", str(failure)), error_type=type(failure).__name__)
        line.update({"hint": failure.hint} if getattr(failure, "hint", "") else {})
        if isinstance(failure, StepError) or not isinstance(failure, BackupError):
            line["exc_info"] = failure
    return line


def _context(failure: BaseException) -> Mapping[str, Any]:
    return failure.context if isinstance(failure, BackupError) else {}


def _as_one_line(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """The keys that each line has come first."""
    record: logging.LogRecord = line["_record"]
    moment = datetime.fromtimestamp(record.created, UTC)
    head = {"timestamp": _rfc3339(moment), "level": record.levelname.lower(), "event": line.pop("event")}
    return head | {key: value for key, value in line.items() if key not in _STRUCTLOG_KEYS}


def _as_predecessor(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    record: logging.LogRecord = line["_record"]
    moment = datetime.fromtimestamp(record.created).astimezone()
    said = _sentences(line) if line["_from_structlog"] else (line["event"],)
    return "\n".join(f"{moment:%Y-%m-%d %H:%M:%S} - {record.levelname} - {sentence}" for sentence in said)


def _sentences(line: Mapping[str, Any]) -> tuple[str, ...]:
    if FAILURE in line:
        return (" ".join(str(line[FAILURE]).split()),)
    fields = {key: value for key, value in line.items() if key not in {*_STRUCTLOG_KEYS, "event"}}
    return sentences(line["event"], fields)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    """What JSON doesn't know."""
    if isinstance(value, datetime):
        return _rfc3339(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return str(value)
