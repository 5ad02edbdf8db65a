"""Pairs of runs: an archive of ours and one made by other programs, over the same files, in turn."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar


ARCHIVE_ONCE = Path(__file__).with_name("archive_once.py")
BLOCK_BYTES = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rival:
    """Another way to make an archive, and what is wanted of ours beside it.

    Attributes:
        title: as people type it.
        archive_format: of ours that it is compared with.
        commands: a pipeline, from the tar stream of a directory to standard output.
        least_speed: how many times as fast as it ours should be; None where that is only told.
        most_size: how many times as large as its archive ours may be.
    """

    title: str
    archive_format: str
    commands: tuple[tuple[str, ...], ...]
    least_speed: float | None = None
    most_size: float | None = None

    def is_installed(self) -> bool:
        """Whether all its programs are there."""
        return all(shutil.which(command[0]) is not None for command in self.commands)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of some pairs: medians, and sizes of the last archives.

    Attributes:
        speed: how many times as fast as theirs our whole process was.
        step_seconds, step_speed: the same for the archive step alone, without the interpreter's start.
    """

    our_seconds: float
    step_seconds: float
    their_seconds: float
    speed: float
    step_speed: float
    our_bytes: int
    their_bytes: int


RIVALS = (
    Rival("tar czf", "tar.gz", (("tar", "-cz"),), least_speed=7.0, most_size=1.03),
    Rival("tar | pigz", "tar.gz", (("tar", "-c"), ("pigz", "-c"))),
    Rival(
        "tar | zstd -T0 -3", "tar.zst", (("tar", "-c"), ("zstd", "-q", "-T0", "-3")), least_speed=0.8, most_size=1.01
    ),
)
TINY_RIVAL = Rival("tar czf", "tar.gz", (("tar", "-cz"),))
LEAST_TINY_SPEED = 1.0


def compare(directory: Path, rival: Rival, pairs: int, work: Path) -> Comparison:
    """Run `pairs` pairs over the files of `directory`; `work` is where archives may lie meanwhile."""
    ours, theirs = work / f"ours.{rival.archive_format}", work / "theirs"
    seconds = []
    for _ in range(pairs):
        ours.unlink(missing_ok=True)
        our_seconds, once = timed(directory, lambda: archive_once(directory, ours, rival.archive_format))
        their_seconds, _ = timed(directory, lambda: _run_pipeline(rival, directory, theirs))
        seconds.append((our_seconds, once.seconds, their_seconds))
    return Comparison(
        our_seconds=statistics.median(our for our, _, _ in seconds),
        step_seconds=statistics.median(step for _, step, _ in seconds),
        their_seconds=statistics.median(their for _, _, their in seconds),
        speed=statistics.median(their / our for our, _, their in seconds),
        step_speed=statistics.median(their / step for _, step, their in seconds),
        our_bytes=ours.stat().st_size,
        their_bytes=theirs.stat().st_size,
    )


@dataclass(frozen=True, slots=True)
class Once:
    """What one run of ours says of itself."""

    seconds: float
    peak_memory_bytes: int


def archive_once(directory: Path, destination: Path, archive_format: str, *options: str) -> Once:
    """Archive `directory` in a fresh process."""
    command: list[str | Path] = [sys.executable, ARCHIVE_ONCE, directory, destination, archive_format, *options]
    return Once(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def timed(directory: Path, run: Callable[[], T]) -> tuple[float, T]:
    """Seconds that something took with the files of `directory` read before, and what it returned."""
    for path in directory.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.read(BLOCK_BYTES):
                pass
    os.sync()
    begin = time.perf_counter()
    result = run()
    return time.perf_counter() - begin, result


def _run_pipeline(rival: Rival, directory: Path, destination: Path) -> None:
    processes: list[subprocess.Popen[bytes]] = []
    with destination.open("wb") as file:
        for number, command in enumerate(rival.commands):
            last = number == len(rival.commands) - 1
            processes.append(
                subprocess.Popen(
                    [*command, "-C", directory, "."] if number == 0 else command,
                    stdin=processes[-1].stdout if processes else subprocess.DEVNULL,
                    stdout=file if last else subprocess.PIPE,
                )
            )
        for process in processes:
            if process.stdout:
                process.stdout.close()
            if process.wait() != 0:
                raise subprocess.CalledProcessError(process.returncode, process.args)
