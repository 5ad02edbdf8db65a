"""A nodetool that hangs, dies, or says what nobody expected."""

import shlex
import threading
from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NodeRefusedError, NodeUnavailableError, RunCancelledError, SettingsError
from backup_core.node.nodetool import Nodetool
from backup_core.node.snapshot_answers import NoAnswerError
from tests.faults.commands import until


TAKE = ("1733313018", "alternator_users", "users")


def script(directory: Path, text: str) -> tuple[str, ...]:
    """A command that does what a shell script says."""
    path = directory / "nodetool"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


def take(command: tuple[str, ...], cancel: CancelToken | None = None, timeout_seconds: float = 20.0) -> None:
    """Have a snapshot taken with that command."""
    Nodetool(command, cancel or CancelToken(), snapshot_timeout_seconds=timeout_seconds).take_snapshot(*TAKE)


def alive(pid_file: Path) -> bool:
    """Whether the process whose number is in the file still runs."""
    return Path("/proc", pid_file.read_text().strip()).exists()


def sleeper(directory: Path) -> tuple[tuple[str, ...], list[Path]]:
    """A nodetool that hangs in a process that it has started, and where it writes both of their numbers."""
    files = [directory / "own.pid", directory / "child.pid"]
    quoted = [shlex.quote(str(path)) for path in files]
    command = script(directory, f"echo $$ > {quoted[0]}\nsleep 60 &\necho $! > {quoted[1]}\nwait")
    return command, files


def test_one_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    """Past its time it is ended, its children too, and nobody knows what it has done."""
    command, pid_files = sleeper(tmp_path)
    with pytest.raises(NoAnswerError, match="doesn't end within 1 seconds"):
        take(command, timeout_seconds=1)
    until(lambda: not any(alive(path) for path in pid_files))


@pytest.mark.slow
def test_a_signal_ends_it(tmp_path: Path) -> None:
    """When the run is cancelled, what hangs is ended after a moment's grace."""
    command, pid_files = sleeper(tmp_path)
    cancel = CancelToken()

    def set_when_it_runs() -> None:
        until(lambda: pid_files[1].exists() and pid_files[1].read_text())
        cancel.set(143)

    thread = threading.Thread(target=set_when_it_runs)
    thread.start()
    with pytest.raises(RunCancelledError):
        take(command, cancel)
    thread.join()
    until(lambda: not any(alive(path) for path in pid_files))


@pytest.mark.parametrize("end", ["kill -9 $$", "exit 137"])
def test_one_that_was_killed_leaves_it_open_what_it_did(tmp_path: Path, end: str) -> None:
    """Killed by somebody else, itself or below a shell: the node may have been asked already."""
    with pytest.raises(NoAnswerError, match="exit code"):
        take(script(tmp_path, end))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("system:111, Connection refused", NodeUnavailableError),
        ("system:113, No route to host", NodeUnavailableError),
        ("C-Ares:4, node.example: Not found", NodeUnavailableError),
        ("system:103, Software caused connection abort", NoAnswerError),
        ("system:104, recv: Connection reset by peer", NoAnswerError),
    ],
)
def test_a_broken_connection_is_told_from_none(tmp_path: Path, code: str, kind: type[Exception]) -> None:
    """What the native one was seen to print tells whether the request can have reached the node."""
    line = shlex.quote(f"error running operation: std::system_error (error {code})")
    with pytest.raises(NodeUnavailableError) as caught:
        take(script(tmp_path, f"echo {line} >&2\nexit 2"))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo \"error: unrecognised option '--foo'\"; exit 2", "unrecognised option '--foo'"),
        ("echo something else >&2; exit 7", "something else"),
        ("exit 1", "exit code 1"),
        ("head -c 100000 /dev/zero | tr '\\0' x; exit 1", "xxx"),
    ],
)
def test_whatever_else_it_ends_with_is_a_refusal(tmp_path: Path, text: str, words: str) -> None:
    """Any other failure is told in its own words, as far as these are of a bearable length."""
    with pytest.raises(NodeRefusedError) as caught:
        take(script(tmp_path, text))
    assert words in caught.value.message
    assert len(caught.value.message) < 5000


@pytest.mark.parametrize("content", [None, "#!/no/such/interpreter\n"])
def test_a_command_that_cannot_be_run_is_a_matter_of_the_settings(tmp_path: Path, content: str | None) -> None:
    """A missing program, and one that is no program, end with 78 and a hint at the setting."""
    path = tmp_path / "nodetool"
    if content is not None:
        path.write_text(content)
        path.chmod(0o755)
    with pytest.raises(SettingsError, match=r"can't be run: No such file or directory\. Set node.nodetool") as caught:
        take((str(path),))
    assert caught.value.exit_code == 78


def test_its_input_is_empty(tmp_path: Path) -> None:
    """Whatever asks on standard input, a password for example, gets no answer and doesn't hang."""
    with pytest.raises(NodeRefusedError, match="nothing to read"):
        take(script(tmp_path, "read line || echo nothing to read; exit 1"))
