"""From archive to `upload/`, checked, beside tar: speed and memory.

Usage: python benchmarks/restore.py [--size 500MiB] [--pairs 5]

Each pair is one run of ours and one of theirs, in turn, from the same archive, which is read once before each run.
Ratios are medians of the pairs' ratios: other load on the machine slows both, and counts less.
"""

import argparse
import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from archive import GOALS_COUNT_FROM_BYTES, MIB, MOST_MEMORY_MIB, size_bytes
from report import Goal, print_heading, print_row
from sstables import write_sstables

import backup_core
from backup_core.archive import ArchiveFormat, write_archive
from backup_core.cancel import CancelToken
from backup_core.model import Snapshot, SourceFile, SSTable, Table


UNPACK_ONCE = Path(__file__).with_name("unpack_once.py")
LEAST_SPEED = 0.6
BLOCK_BYTES = 1 << 20
METHOD = """\
ours:    a whole process: the interpreter's start; SHA-256 of the archive, of the tar stream and of each file, CRC-32 of
         each Data.db, every TOC.txt; files written to staging and linked into upload/
theirs:  the whole pipeline of commands, which checks nothing but the compressor's own checksum
ratio:   median of the pairs' ratios: times as fast as theirs
goals:   count from 100 MB of data on, on two idle cores
memory:  peak of resident memory of a process that has boto3, cassandra-driver and urllib3 loaded as well"""


@dataclass(frozen=True, slots=True)
class Rival:
    """How people unpack an archive: a pipeline whose first command is given the archive, and the last a directory."""

    title: str
    archive_format: ArchiveFormat
    commands: tuple[tuple[str, ...], ...]

    def is_installed(self) -> bool:
        """Whether all its programs are there."""
        return all(shutil.which(command[0]) is not None for command in self.commands)


RIVALS = (
    Rival("tar xzf", ArchiveFormat.TAR_GZ, (("tar", "-xzf"),)),
    Rival("zstd -d | tar x", ArchiveFormat.TAR_ZST, (("zstd", "-q", "-d", "-c"), ("tar", "-x"))),
)


def main() -> None:
    """Measure, and print what is known as soon as it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=size_bytes, default="500MiB", help="of the generated SSTables")
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    # As an installation has it: where Python is told to write no bytecode, each run would compile all of it anew.
    compileall.compile_dir(Path(backup_core.__file__).parent, quiet=1)
    with TemporaryDirectory(prefix="alternator-backup-benchmark-") as directory:
        work = Path(directory)
        (work / "sstables").mkdir()
        write_sstables(work / "sstables", options.size)
        print_heading(f"{options.size / MIB:.0f} MiB, {options.pairs} pairs")
        for rival in RIVALS:
            if rival.is_installed():
                _measure(rival, work, options.pairs, counts=options.size >= GOALS_COUNT_FROM_BYTES)
            else:
                print_row(f"{rival.archive_format} : {rival.title}", "not installed")
    print()
    print(METHOD)


def _measure(rival: Rival, work: Path, pairs: int, *, counts: bool) -> None:
    archive = _archive(work, rival.archive_format)
    seconds = []
    for _ in range(pairs):
        ours = _timed(archive, work, lambda: _unpack(archive, work))
        theirs = _timed(archive, work, lambda: _run_pipeline(rival, archive, work / "theirs"))
        seconds.append((ours, theirs))
    our_seconds, their_seconds = (statistics.median(each) for each in zip(*seconds, strict=True))
    speed = statistics.median(theirs / ours for ours, theirs in seconds)
    goal = Goal(LEAST_SPEED, at_least=True).verdict(speed) if counts else ""
    what = f"{rival.archive_format} : {rival.title}"
    print_row(what, f"{our_seconds:.2f} s", f"{their_seconds:.2f} s", speed, goal)
    _make_anew(work)
    memory_mib = _unpack(archive, work, "--with-clients") / MIB
    goal = Goal(MOST_MEMORY_MIB).verdict(memory_mib)
    print_row(f"{rival.archive_format} : peak memory", f"{memory_mib:.0f} MiB", goal=goal)


def _archive(work: Path, archive_format: ArchiveFormat) -> Path:
    """An archive of the SSTables, with what it holds beside it."""
    source, destination = work / "sstables", work / f"backup.{archive_format}"
    files = tuple(SourceFile(path.name, path.stat().st_size) for path in sorted(source.iterdir()))
    now = datetime.now(UTC)
    stored = write_archive(
        Snapshot(Table("benchmark", "0" * 32), "0", source, (SSTable("all", files),), (), now, now),
        destination,
        archive_format=archive_format,
        on_progress=lambda _: None,
        cancel=CancelToken(),
    )
    _told_of(destination).write_text(json.dumps(asdict(stored)))
    return destination


def _told_of(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.json")


def _make_anew(work: Path) -> None:
    for name in ("staging", "upload", "theirs"):
        shutil.rmtree(work / name, ignore_errors=True)
        (work / name).mkdir()


def _timed(archive: Path, work: Path, run: Callable[[], object]) -> float:
    _make_anew(work)
    with archive.open("rb", buffering=0) as file:
        while file.read(BLOCK_BYTES):
            pass
    os.sync()
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _unpack(archive: Path, work: Path, *options: str) -> int:
    """Stage and place in a fresh process; its peak memory in bytes."""
    arguments = [archive.name, _told_of(archive), work / "staging", work / "upload", *options]
    process = subprocess.run(
        [sys.executable, UNPACK_ONCE, *arguments], check=True, stdout=subprocess.PIPE, text=True, cwd=work
    )
    return int(json.loads(process.stdout)["peak_memory_bytes"])


def _run_pipeline(rival: Rival, archive: Path, destination: Path) -> None:
    processes: list[subprocess.Popen[bytes]] = []
    for number, command in enumerate(rival.commands):
        is_first, is_last = number == 0, number == len(rival.commands) - 1
        arguments = [*([archive] if is_first else []), *(["-C", destination] if is_last else [])]
        processes.append(
            subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.DEVNULL if is_first else processes[-1].stdout,
                stdout=None if is_last else subprocess.PIPE,
            )
        )
    for process in processes:
        if process.stdout:
            process.stdout.close()
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, process.args)


if __name__ == "__main__":
    main()
