"""What the log's lines look like, and what they never say."""

import contextvars
import io
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from backup_core.cancel import CancelToken
from backup_core.errors import NodeUnavailableError, StepError
from daemon.log import LIBRARIES, LOGGER_NAME, configure_log
from daemon.log_reporter import LogReporter
from daemon.settings import LogSettings


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Logging is the process's: give it back."""
    root, raising, hook = logging.getLogger(), logging.raiseExceptions, threading.excepthook
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, former in levels.items():
        logging.getLogger(name).setLevel(former)
    logging.raiseExceptions, threading.excepthook = raising, hook


@pytest.fixture
def stream() -> io.StringIO:
    """Standard error."""
    return io.StringIO()


@pytest.fixture
def reporter(stream: io.StringIO) -> LogReporter:
    """A reporter that writes JSON to `stream`."""
    configure_log(LogSettings(level="DEBUG"), stream, {})
    return LogReporter(logging.getLogger(LOGGER_NAME))


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    """What was written so far."""
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event(reporter: LogReporter, lines: Lines) -> None:
    """Time, level and event come first; values that JSON doesn't know are told as text."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    reporter.event("backup.published", size_bytes=7, at=moment, path=Path("/a"), names=("ü",))
    (line,) = lines()
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "event": "backup.published",
        "size_bytes": 7,
        "at": "2026-01-02T03:04:05.000000Z",
        "path": "/a",
        "names": ["ü"],
    }


def test_an_expected_failure_has_no_traceback(reporter: LogReporter, lines: Lines) -> None:
    """Message, hint, type and context are keys of their own."""
    error = NodeUnavailableError("The port is down.", hint="Start it.", step="schema", table="other")
    reporter.failure("table.failed", error, table="users")
    (line,) = lines()
    expected = {"level": "error", "error": "The port is down.", "hint": "Start it.", "step": "schema"}
    assert {key: line[key] for key in expected} == expected
    assert (line["table"], line["error_type"]) == ("users", "NodeUnavailableError")
    assert "exception" not in line


def test_a_bug_has_a_traceback_without_local_variables(reporter: LogReporter, stream: io.StringIO) -> None:
    """Where a bug of ours is told, the password that a function held isn't."""

    def break_down() -> None:
        password = "s3cr3t-in-a-local"
        raise RuntimeError(f"broke after {len(password)} characters")

    try:
        try:
            break_down()
        except RuntimeError as cause:
            raise StepError("Step schema broke", step="schema") from cause
    except StepError as error:
        reporter.failure("table.failed", error)
    line = json.loads(stream.getvalue())
    assert "break_down" in json.dumps(line["exception"])
    assert "s3cr3t" not in stream.getvalue()


@pytest.mark.parametrize("library", ["apscheduler.scheduler", "botocore.endpoint", "cassandra.cluster"])
def test_lines_of_libraries_have_the_same_form(reporter: LogReporter, lines: Lines, library: str) -> None:
    """Their message is a key of its own, and what the run has bound stands there too; below WARNING they are silent."""
    logging.getLogger(library).info("signed with %s", "a key")
    with bound_contextvars(run_id="r1"):
        logging.getLogger(library).warning("%d times", 3)
    (line,) = lines()
    del line["timestamp"], reporter
    assert line == {
        "level": "warning",
        "event": "library.logged",
        "message": "3 times",
        "logger": library,
        "run_id": "r1",
    }


def test_a_step_is_bound_to_every_line_of_its_threads(reporter: LogReporter, lines: Lines) -> None:
    """From its beginning to its end, also where the node is asked in a thread of its own; its own end is its last."""

    def run() -> None:
        reporter.event("step.started", step="schema", table="users")
        CancelToken().call(lambda: logging.getLogger("cassandra").warning("slow"))
        reporter.event("step.finished", step="schema", table="users", duration_seconds=0.1)
        reporter.event("run.finished")

    contextvars.copy_context().run(run)
    started, slow, finished, after = lines()
    assert started["level"] == "debug"
    assert [(line["step"], line["table"]) for line in (started, slow, finished)] == [("schema", "users")] * 3
    assert "step" not in after


def test_priorities_are_for_the_journal_only(tmp_path: Path) -> None:
    """Where standard error is the journal, each line begins with its priority for `journalctl -p`; elsewhere not."""
    for variable, expected in (("{0.st_dev}:{0.st_ino}", ["<6>{", "<4>{", "<3>{"]), ("1:2", ['{"t'] * 3)):
        path = tmp_path / "stderr"
        with path.open("w") as stream:
            configure_log(LogSettings(), stream, {"JOURNAL_STREAM": variable.format(os.fstat(stream.fileno()))})
            reporter = LogReporter(logging.getLogger(LOGGER_NAME))
            reporter.event("run.started")
            reporter.warning("run.retried")
            reporter.failure("run.failed", NodeUnavailableError("down"))
        assert [
            line[: len(start)] for line, start in zip(path.read_text().splitlines(), expected, strict=True)
        ] == expected


def test_a_level_leaves_out_what_is_below(stream: io.StringIO, lines: Lines) -> None:
    """`log.level` is the least that is told."""
    configure_log(LogSettings(level="WARNING"), stream, {})
    reporter = LogReporter(logging.getLogger(LOGGER_NAME))
    reporter.event("run.started")
    reporter.warning("run.retried")
    assert [line["event"] for line in lines()] == ["run.retried"]


@pytest.mark.parametrize("file_format", ["text", "json"])
def test_the_file_survives_logrotate(stream: io.StringIO, tmp_path: Path, file_format: Any) -> None:
    """When the file was moved away, what follows goes into a new one; the text leaves out what it has no line for."""
    path = tmp_path / "backup.log"
    path.write_text("before\n")
    configure_log(LogSettings(file=path, file_format=file_format), stream, {})
    reporter = LogReporter(logging.getLogger(LOGGER_NAME))
    reporter.event("table.finished", table="users")
    path.rename(tmp_path / "backup.log.1")
    reporter.event("step.finished", step="schema", table="users", duration_seconds=1)
    reporter.failure("table.failed", NodeUnavailableError("The port is down", hint="Start it."))
    former, now = (tmp_path / "backup.log.1").read_text().splitlines(), path.read_text().splitlines()
    assert former[0] == "before"
    if file_format == "json":
        assert [json.loads(line)["event"] for line in (former[1], *now)] == [
            "table.finished",
            "step.finished",
            "table.failed",
        ]
    else:
        assert re.fullmatch(r"\S+ \S+ - INFO - ===== Backup completed for users =====", former[1])
        assert [re.sub(r"^\S+ \S+ ", "", line) for line in now] == ["- ERROR - The port is down. Start it."]


def test_the_file_survives_copytruncate(stream: io.StringIO, tmp_path: Path) -> None:
    """Logrotate has copied the file and cut it off: what follows begins at its beginning."""
    path = tmp_path / "backup.log"
    configure_log(LogSettings(file=path, file_format="json"), stream, {})
    reporter = LogReporter(logging.getLogger(LOGGER_NAME))
    reporter.event("run.started")
    os.truncate(path, 0)
    reporter.event("run.finished")
    assert json.loads(path.read_text())["event"] == "run.finished"


def test_a_log_file_that_cannot_be_opened_changes_nothing(reporter: LogReporter, lines: Lines, tmp_path: Path) -> None:
    """Settings with a file that can't be are refused, and what was logged before is logged on."""
    with pytest.raises(Exception, match="log file"):
        configure_log(LogSettings(file=tmp_path / "no" / "such"), io.StringIO(), {})
    reporter.event("run.started")
    assert [line["event"] for line in lines()] == ["run.started"]


def test_a_log_file_that_goes_away_is_told_once_each_time(stream: io.StringIO, lines: Lines, tmp_path: Path) -> None:
    """Its directory gone, every line still gets elsewhere; back again, the file goes on."""
    path = tmp_path / "logs" / "backup.log"
    path.parent.mkdir()
    configure_log(LogSettings(file=path, file_format="json"), stream, {})
    reporter = LogReporter(logging.getLogger(LOGGER_NAME))
    for turn in (1, 2):
        shutil.rmtree(path.parent)
        reporter.event("run.started")
        reporter.event("run.finished")
        assert [line["event"] for line in lines()[-3:]] == ["run.started", "library.logged", "run.finished"]
        assert lines()[-2]["message"] == f"Failed to write the log file {path}: No such file or directory"
        path.parent.mkdir()
        reporter.event("service.started", turn=turn)
        assert json.loads(path.read_text())["turn"] == turn
