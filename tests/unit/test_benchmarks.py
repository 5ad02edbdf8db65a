"""The benchmarks work; what they measure is no test's business."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.archive_samples import RECORDED_SNAPSHOTS
from tests.s3_server import s3_program


PROJECT = Path(__file__).parents[2]
SMALL = ("--pairs", "1", "--tiny-files", "20", "--backups", "2")


def run_benchmark(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it as `make bench` does, on little."""
    command = [sys.executable, "benchmarks/archive.py", *SMALL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False, timeout=50)


@pytest.mark.slow
def test_on_generated_sstables() -> None:
    """A tiny run goes through every part of the table: its SSTables pass their digests, nothing is left unmeasured."""
    result = run_benchmark("--size", "1MiB")
    assert (result.returncode, result.stderr) == (0, "")
    for part in ("36 files, 1 MiB", "tar.gz : tar czf", "tar.zst : peak memory", "20 files of 500 bytes", "list of 2"):
        assert part in result.stdout


def test_on_a_directory_that_is_given() -> None:
    """`--data` measures on files that are there already."""
    directory = RECORDED_SNAPSHOTS[0]
    result = run_benchmark("--data", directory)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"{len(list(directory.iterdir()))} files" in result.stdout


def test_on_something_else(tmp_path: Path) -> None:
    """A directory with directories in it is refused: the other programs would pack more than ours."""
    (tmp_path / "snapshots").mkdir()
    result = run_benchmark("--data", tmp_path)
    assert result.returncode == 2
    assert "nothing but files" in result.stderr


@pytest.mark.slow
def test_the_daemons() -> None:
    """A tiny run measures start, memory, CPU and the time for each table."""
    command = [sys.executable, "benchmarks/daemon.py", "--tables", "2", "--starts", "1", "--idle", "0.1"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False, timeout=50)
    assert (result.returncode, result.stderr) == (0, "")
    for part in ("start to READY", "idle memory", "idle CPU", "own time for each table of 2"):
        assert part in result.stdout


@pytest.mark.slow
def test_the_restores() -> None:
    """A tiny run goes from archives to `upload/` beside the other programs, and measures memory."""
    command = [sys.executable, "benchmarks/restore.py", "--size", "1MiB", "--pairs", "1"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False, timeout=50)
    assert (result.returncode, result.stderr) == (0, "")
    for part in ("tar.gz : tar xzf", "tar.gz : peak memory", "tar.zst"):
        assert part in result.stdout


@pytest.mark.slow
def test_the_backups_into_a_bucket() -> None:
    """A tiny run measures first, later and unchanged backups, and counts what each asked of the server."""
    s3_program()
    command = [
        sys.executable,
        "benchmarks/offsite.py",
        *["--size", "1MiB", "--sstables", "2", "--unchanged", "4", "--pairs", "1"],
    ]
    result = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False, timeout=50)
    assert (result.returncode, result.stderr) == (0, "")
    for part in ("rclone copy", "restic backup", "second backup", "encrypted : peak memory"):
        assert part in result.stdout
    nothing_new = [line.split() for line in result.stdout.splitlines() if line.startswith("nothing new : ")]
    assert ["nothing", "new", ":", "PutObject", "2", "<=", "2", "ok"] in nothing_new
    assert ["nothing", "new", ":", "objects", "listed", "0", "<=", "0", "ok"] in nothing_new
