"""Commands of hooks as real processes."""

import os
import shlex
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.hook_command import run_command


DEADLINE_SECONDS = 20


def shell(script: str, timeout_seconds: float = 20, stopping: threading.Event | None = None, **told: str) -> None:
    """Run a script as a hook's command."""
    run_command(["/bin/sh", "-c", script], told, timeout_seconds, stopping or threading.Event())


def wait_for(condition: Callable[[], bool]) -> None:
    """Poll until it holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_sees_what_it_is_told_and_nothing_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is a few common variables and ours: no settings, no credentials, no socket of systemd's."""
    for name in ("ALTERNATOR_BACKUP_CQL__PASSWORD", "AWS_SECRET_ACCESS_KEY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"):
        monkeypatch.setenv(name, "s3cret")
    shell(f"env > {tmp_path / 'seen'}", EVENT="start")
    seen = dict(line.partition("=")[::2] for line in (tmp_path / "seen").read_text().splitlines())
    assert seen["EVENT"] == "start"
    assert seen["PATH"] == os.environ["PATH"]
    assert "s3cret" not in seen.values()


def test_it_is_no_shell(tmp_path: Path) -> None:
    """Arguments arrive as they stand, whatever is in them."""
    code = f"import pathlib, sys; pathlib.Path({str(tmp_path / 'seen')!r}).write_text(sys.argv[1])"
    run_command([sys.executable, "-c", code, "$HOME; `id`"], {}, 20, threading.Event())
    assert (tmp_path / "seen").read_text() == "$HOME; `id`"


def test_a_failure_has_status_and_last_line() -> None:
    """What the command said last is in the error, of either output."""
    with pytest.raises(ChildProcessError) as caught:
        shell("echo first; echo 'no such channel' >&2; echo; exit 3")
    assert str(caught.value) == "exit status 3: no such channel"


def test_a_failure_without_a_word() -> None:
    """A command that says nothing is told to have."""
    with pytest.raises(ChildProcessError, match="exit status 1: no output"):
        shell("exit 1")


def test_a_command_that_is_not_there() -> None:
    """It is an error like any other."""
    with pytest.raises(FileNotFoundError):
        run_command(["/no/such/command"], {}, 20, threading.Event())


def test_one_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    """After its time its whole process group is dead, also those that don't listen to signals."""
    pids = tmp_path / "pids"
    script = f"trap '' TERM INT HUP; sleep 600 & echo $$ $! > {shlex.quote(str(pids))}; wait; sleep 600"
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"killed after 0\.5 s"):
        shell(script, 0.5)
    assert time.monotonic() - started < 10
    for pid in pids.read_text().split():
        wait_for(lambda pid=pid: not running(int(pid)))  # type: ignore[misc]  # mypy can't infer a default's type


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_one_that_leaves_something_behind_is_done_when_it_ends(tmp_path: Path) -> None:
    """A process in the background that holds the output open keeps nobody waiting, and lives on."""
    pid = tmp_path / "pid"
    started = time.monotonic()
    shell(f"sleep 600 & echo $! > {pid}; exit 0")
    assert time.monotonic() - started < 10
    assert running(int(pid.read_text()))
    os.kill(int(pid.read_text()), 9)


def test_one_that_writes_without_end_is_killed() -> None:
    """Output is read as it comes, so that a full pipe doesn't stop the command, and only its end is kept."""
    with pytest.raises(TimeoutError):
        shell("yes", 0.5)
    with pytest.raises(ChildProcessError, match="exit status 4: 60000$"):
        shell("seq 60000; exit 4")


def test_the_end_of_the_daemon_ends_it() -> None:
    """When the daemon can wait no longer, the command is killed long before its time."""
    stopping = threading.Event()
    threading.Timer(0.2, stopping.set).start()
    with pytest.raises(TimeoutError, match="killed because the daemon ends"):
        shell("sleep 600", 600, stopping)


def test_it_cannot_read_from_the_terminal() -> None:
    """A command that asks something gets the end of input."""
    with pytest.raises(ChildProcessError, match="no answer"):
        shell("read answer || { echo no answer; exit 1; }")
