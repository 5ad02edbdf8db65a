"""Hooks of runs, with real commands and a real server: what they learn, and that no run waits for them."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backup_core.events import HOOK_DROPPED, HOOK_FAILED, HOOK_FINISHED
from daemon.history_records import Outcome
from daemon.hooks import QUEUE_LENGTH, Hooks
from daemon.settings_observability import HooksSettings
from tests.ping_server import ping_server
from tests.repository_backups import RecordingReporter
from tests.runs_of_the_daemon import DUE_AT, run, table


DEADLINE_SECONDS = 20
PROMPT_SECONDS = 1.0

TELL = """
import json, os, pathlib, sys
told = {name.removeprefix("ALTERNATOR_BACKUP_HOOK_"): value for name, value in os.environ.items() if "_HOOK_" in name}
with open(sys.argv[1], "a") as file: file.write(json.dumps(told) + "\\n")
"""


@contextmanager
def hooks(reporter: RecordingReporter, **settings: Any) -> Iterator[Hooks]:
    """Hooks for the block; at its end all that waits is called."""
    made = Hooks(HooksSettings(**settings), reporter)
    yield made
    made.close(DEADLINE_SECONDS)


@pytest.fixture
def reporter() -> RecordingReporter:
    """Remembers what was told."""
    return RecordingReporter()


@pytest.fixture
def told(tmp_path: Path) -> Callable[[], list[dict[str, str]]]:
    """What the command that `TELL` is was told, call by call."""
    return lambda: [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    """A command that writes down what it was told."""
    return (sys.executable, "-c", TELL, str(tmp_path / "told"))


def complete(called: Hooks, *tables: str, failing: tuple[str, ...] = (), error: str = "") -> None:
    """A run over tables, some of which fail."""
    called.run_started(run(), tables)
    for name in tables:
        called.table_finished(table(name, Outcome.FAILED if name in failing else Outcome.SUCCEEDED))
    outcome = Outcome.FAILED if error else Outcome.INCOMPLETE if failing else Outcome.SUCCEEDED
    called.run_finished("r1", outcome, DUE_AT, error)


def test_a_command_learns_of_start_and_success(
    reporter: RecordingReporter, command: tuple[str, ...], told: Callable[[], list[dict[str, str]]]
) -> None:
    """It is called at both, in this order, with what there is to know of the run."""
    with hooks(reporter, command=command) as called:
        complete(called, "users", "orders")
    start, success = told()
    common = {
        "RUN_ID": "r1",
        "WHAT": "backup",
        "SCHEDULE": "nightly",
        "TAG": "1795312800",
        "NOMINAL_AT": "2026-11-22T02:00:00+00:00",
        "STARTED_AT": "2026-11-22T02:00:01+00:00",
        "TABLES": "users orders",
    }
    ended = {"OUTCOME": "succeeded", "FINISHED_AT": "2026-11-22T02:00:00+00:00", "FAILED_TABLES": "", "ERROR": ""}
    assert start == {"EVENT": "start", **common}
    assert success == {"EVENT": "success", **common, **ended}
    assert [(name, fields["hook"], fields["at"], fields["run_id"]) for name, fields in reporter.events] == [
        (HOOK_FINISHED, "command", "start", "r1"),
        (HOOK_FINISHED, "command", "success", "r1"),
    ]


def test_a_command_learns_what_failed(
    reporter: RecordingReporter, command: tuple[str, ...], told: Callable[[], list[dict[str, str]]]
) -> None:
    """A run of which a part failed is a failure: with the tables, and the first of their errors."""
    with hooks(reporter, command=command, at=["failure"]) as called:
        complete(called, "users", "orders", "carts", failing=("orders", "carts"))
    [failure] = told()
    assert (failure["EVENT"], failure["OUTCOME"]) == ("failure", "incomplete")
    assert (failure["FAILED_TABLES"], failure["ERROR"]) == ("orders carts", "orders is broken.")


def test_a_run_that_never_came_to_its_tables(
    reporter: RecordingReporter, command: tuple[str, ...], told: Callable[[], list[dict[str, str]]]
) -> None:
    """The error of the run itself is told."""
    with hooks(reporter, command=command, at=["failure"]) as called:
        complete(called, error="The node is\0 down.")
    assert told()[0]["ERROR"] == "The node is  down."


def test_more_tables_than_a_variable_holds(
    reporter: RecordingReporter, command: tuple[str, ...], told: Callable[[], list[dict[str, str]]]
) -> None:
    """A command starts however many tables there are; what it isn't told is replaced by dots, and no name is cut."""
    names = [f"{number:05}-{'x' * 200}" for number in range(2000)]
    with hooks(reporter, command=command) as called:
        complete(called, *names, failing=tuple(names))
    for seen in (told()[0]["TABLES"], told()[1]["FAILED_TABLES"]):
        *listed, dots = seen.split(" ")
        assert dots == "..."
        assert listed == names[: len(listed)]
        assert len(listed) > 100


def test_a_url_is_pinged(reporter: RecordingReporter) -> None:
    """Start, success and failure have their own endings, as healthchecks.io has them; nothing tells the URL."""
    with ping_server() as server:
        with hooks(reporter, ping_url=SecretStr(server.url)) as called:
            complete(called, "users")
            complete(called, "users", failing=("users",))
        assert server.asked == ["/s3cret/start", "/s3cret", "/s3cret/start", "/s3cret/fail"]
    assert "s3cret" not in repr(reporter.events)


def test_only_what_is_wanted_is_called(reporter: RecordingReporter) -> None:
    """`at` chooses, and the endings can be others."""
    with ping_server() as server:
        with hooks(reporter, ping_url=SecretStr(server.url), ping_success="?status=up", at=["success"]) as called:
            complete(called, "users")
            complete(called, "users", failing=("users",))
        assert server.asked == ["/s3cret?status=up"]


def test_without_hooks_nothing_happens(reporter: RecordingReporter) -> None:
    """Nothing is called, and nothing said."""
    with hooks(reporter) as called:
        complete(called, "users")
    assert reporter.events == []


def test_no_run_waits_for_hooks_that_hang(reporter: RecordingReporter) -> None:
    """A run goes on at once; each hook that hangs ends after its time, and is a warning."""
    with ping_server("hang") as server:
        settings = {"command": ("/bin/sh", "-c", "sleep 600"), "ping_url": SecretStr(server.url)}
        with hooks(reporter, **settings, timeout_seconds=0.5) as called:
            started = time.monotonic()
            complete(called, "users")
            assert time.monotonic() - started < PROMPT_SECONDS
    failed = sorted((fields["hook"], fields["at"], fields["error"]) for _, fields in reporter.events)
    assert {name for name, _ in reporter.events} == {HOOK_FAILED}
    assert failed == [
        ("command", "start", "killed after 0.5 s"),
        ("command", "success", "killed after 0.5 s"),
        ("ping", "start", "127.0.0.1 has not answered in 0.5 s"),
        ("ping", "success", "127.0.0.1 has not answered in 0.5 s"),
    ]


def test_hooks_that_fail_are_warnings_and_the_next_is_called(reporter: RecordingReporter) -> None:
    """Neither a command that isn't there nor a server that refuses keeps the next call from being made."""
    with ping_server("refuse") as server:
        with hooks(reporter, command=("/no/such/command",), ping_url=SecretStr(server.url)) as called:
            complete(called, "users")
        assert len(server.asked) == 2
    errors = {(fields["hook"], fields["error"]) for name, fields in reporter.events if name == HOOK_FAILED}
    assert errors == {
        ("command", "[Errno 2] No such file or directory: '/no/such/command'"),
        ("ping", "127.0.0.1: HTTP status 500"),
    }
    assert len(reporter.events) == 4


def test_a_command_that_hangs_does_not_delay_the_ping(reporter: RecordingReporter) -> None:
    """Each kind has its own thread: the server that waits for pings raises no false alarm."""
    with ping_server() as server:
        settings = {"command": ("/bin/sh", "-c", "sleep 600"), "ping_url": SecretStr(server.url)}
        called = Hooks(HooksSettings(**settings), reporter)
        complete(called, "users")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(server.asked) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        called.close(0)


def test_the_end_of_the_daemon_waits_for_no_hook(reporter: RecordingReporter) -> None:
    """After the time that there is, the running command is killed and the waiting one dropped, and both are told."""
    called = Hooks(HooksSettings(command=("/bin/sh", "-c", "sleep 600"), timeout_seconds=600), reporter)
    complete(called, "users")
    started = time.monotonic()
    called.close(0.3)
    assert time.monotonic() - started < 5
    assert [(name, fields["at"]) for name, fields in reporter.events] == [
        (HOOK_FAILED, "start"),
        (HOOK_DROPPED, "success"),
    ]


def test_calls_do_not_pile_up_without_end(reporter: RecordingReporter) -> None:
    """With too many calls waiting, further ones are dropped, and each is told."""
    called = Hooks(HooksSettings(command=("/bin/sh", "-c", "sleep 600"), timeout_seconds=600), reporter)
    for _ in range(QUEUE_LENGTH):
        complete(called, "users")
    called.close(0)
    dropped = [fields["reason"] for name, fields in reporter.events if name == HOOK_DROPPED]
    assert f"{QUEUE_LENGTH} calls wait already" in dropped
    assert len(reporter.events) == 2 * QUEUE_LENGTH


def test_a_reload_changes_the_hooks(reporter: RecordingReporter) -> None:
    """The next call goes where the new settings say."""
    with ping_server() as server, hooks(reporter) as called:
        called.run_started(run(), ("users",))
        called.apply(HooksSettings(ping_url=SecretStr(server.url)))
        called.run_finished("r1", Outcome.SUCCEEDED, DUE_AT)
        called.close(DEADLINE_SECONDS)
        assert server.asked == ["/s3cret"]
