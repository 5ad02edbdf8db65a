"""Output that nobody takes: a pipe that was closed, a stream that was never open, a disk that is full."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import COMMAND, clean_environment
from tests.faults.commands import Finished, assert_error
from tests.faults.harness import Station


FULL = Path("/dev/full")


def run_in_shell(station: Station, redirection: str, *arguments: str) -> Finished:
    """Run the command as a shell's user does, with a redirection."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirection}', COMMAND, *arguments, "--settings", station.settings],
        capture_output=True,
        text=True,
        env=clean_environment(station.directory),
        check=False,
    )


@pytest.mark.parametrize("arguments", [("list", "--json"), ("backup", "users"), ("verify", "--deep")])
def test_a_reader_that_goes_away_changes_nothing(station: Station, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`alternator-backup list | head -0`: the code of the work that was done, and not a word about the pipe."""
    reader, writer = os.pipe()
    os.close(reader)
    with (tmp_path / "stderr").open("wb") as stderr:
        process = station.start(*arguments, "-q", stdout=writer, stderr=stderr)
        os.close(writer)
        assert process.wait(30) == 0
    assert (tmp_path / "stderr").read_text() == ""
    station.assert_clean()


def test_streams_that_were_never_open_change_nothing(station: Station) -> None:
    """`alternator-backup list >&- 2>&-`, as some schedulers call: the code of the work that was done."""
    assert run_in_shell(station, ">&-", "list").stderr == ""
    for arguments, exit_code in ((("list",), 0), (("show", "nobody"), 10)):
        assert run_in_shell(station, ">&- 2>&-", *arguments).returncode == exit_code


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_list_that_cannot_be_written_is_no_success(station: Station) -> None:
    """`alternator-backup list > /dev/full`: what was asked for is lost, so that is an error: 1."""
    assert_error(run_in_shell(station, f">{FULL}", "list"), 1, "standard output", "No space left on device")
    assert run_in_shell(station, f"2>{FULL}", "list").returncode == 0


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_log_file_that_cannot_be_written_ends_nothing(station: Station) -> None:
    """A full disk under the log file is told once; the backup is made all the same."""
    result = station.run("backup", "users", settings={"log.file": str(FULL)})
    assert result.returncode == 0, result.stderr
    station.assert_clean()
    assert result.stderr.count("WARNING - ") == 1
    assert f"Failed to write the log file {FULL}: No space left on device" in result.stderr


def test_a_log_file_that_cannot_be_opened_is_told_at_once(station: Station, tmp_path: Path) -> None:
    """A log file in a directory that isn't there ends the verb before it begins."""
    path = tmp_path / "nowhere" / "backup.log"
    station.assert_failed(
        station.run("backup", "users", settings={"log.file": str(path)}), 69, "Failed to open the log file", str(path)
    )
