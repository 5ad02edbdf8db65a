"""First and later backups into a bucket, beside what else people use: speed, memory, requests.

Usage: python benchmarks/offsite.py [--size 1GiB] [--sstables 200] [--unchanged 10000] [--pairs 5]

The bucket is versitygw's, on loopback. Each pair is one run of ours and one of theirs, in turn, over the same files
and into an empty bucket each; the files are read once before each run. Ratios are medians of the pairs' ratios: other
load on the machine slows both, and counts less.
"""

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from archive import GOALS_COUNT_FROM_BYTES, MIB, size_bytes
from offsite_rivals import OFFSITE_RIVALS, OffsiteRival
from pairs import timed
from report import Goal, print_heading, print_row
from s3_server import CREDENTIALS, OBJECTS_LISTED, S3Server, running_s3_server, tool
from sstables import link_snapshot, write_sstables

import backup_core


STORE_ONCE = Path(__file__).with_name("store_once.py")
# Of nobody: what is encrypted to it is never read again.
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SEALED = ("--compress", "--recipient", RECIPIENT)
FIRST_TAG = 1733313018
NEW_SHARE = 0.01
UNCHANGED_BYTES = 4096
GOALS_COUNT_FROM_SSTABLES = 10_000
MOST_MEMORY = Goal(250)
MOST_SECOND, MOST_UNCHANGED_SECONDS = Goal(0.05), Goal(5)
# A table's manifest, and the summary that lists read instead of it.
MOST_REQUESTS = {
    "PutObject": Goal(2),
    OBJECTS_LISTED: Goal(0),
    "ListObjectsV2": None,
    "GetObject": None,
    "HeadObject": None,
}
METHOD = """\
ours:    a whole process: the interpreter's start, the snapshot's check, SHA-256 of each file and object, CRC-32 of each
         Data.db against its Digest.crc32, a checksum with each part, a look at each object that was put
         (of later backups, what comes after the start alone counts: a daemon starts once)
theirs:  the whole process; of restic, without `init`
ratio:   median of the pairs' ratios: times as fast as theirs; time of the second backup by that of the first one
goals:   count from 100 MB of data and 10,000 SSTables on, on two idle cores
memory:  peak of resident memory of a process that has boto3, cassandra-driver and urllib3 loaded as well
requests: of each run, as the server counts them"""


@dataclass(frozen=True, slots=True)
class Once:
    """What one run of ours says of itself; `seconds` are without the interpreter's start."""

    seconds: float
    peak_memory_bytes: int


class Bench:
    """The server, the SSTables of one table, and snapshots of them.

    Args:
        work: for all files.
        server: where buckets are.
        sstables: how many there are in the first snapshot.
        size_bytes: of these.
    """

    def __init__(self, work: Path, server: S3Server, sstables: int, size_bytes: int) -> None:
        self.server = server
        self.work = work
        self._data = work / "data"
        self._data.mkdir(parents=True)
        self._tags = count(FIRST_TAG)
        self._states = count()
        self._sstables = sstables
        self._new = max(1, round(sstables * NEW_SHARE))
        of_each = size_bytes // sstables
        write_sstables(self._data, of_each * (sstables + self._new), sstables + self._new)
        self.first = self.snapshot()

    def snapshot(self, *, grown: bool = False) -> Path:
        """A new snapshot: of what was there first, or of a little more."""
        directory = self.work / "snapshots" / str(next(self._tags))
        link_snapshot(self._data, directory, range(self._sstables + (self._new if grown else 0)))
        return directory

    @contextmanager
    def repository(self) -> Iterator["EmptyRepository"]:
        """A repository that is empty, for the block."""
        with self.server.bucket() as bucket:
            yield EmptyRepository(self.server.url, bucket, self.work / f"state-{next(self._states)}")


@dataclass(frozen=True, slots=True)
class EmptyRepository:
    """Where ours stores; empty only at first."""

    url: str
    bucket: str
    state: Path

    def store(self, snapshot: Path, *options: str) -> Once:
        """Store a snapshot in a fresh process."""
        command = [sys.executable, STORE_ONCE, snapshot, self.state, self.url, self.bucket, *options]
        environment = os.environ | CREDENTIALS
        result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        return Once(**json.loads(result.stdout))


def main() -> None:
    """Measure, and print what is known as soon as it is."""
    options = _options()
    program = tool("versitygw")
    if program is None:
        print("versitygw isn't installed: `make s3-server` builds it, and needs Go")
        return
    # As an installation has it: where Python is told to write no bytecode, each run would compile all of it anew.
    compileall.compile_dir(Path(backup_core.__file__).parent, quiet=1)
    with (
        TemporaryDirectory(prefix="alternator-backup-benchmark-") as directory,
        running_s3_server(program, Path(directory) / "server") as server,
    ):
        work = Path(directory)
        print(f"writing {options.size // MIB} MiB of SSTables ...", flush=True)
        _measure_data(Bench(work / "large", server, options.sstables, options.size), options)
        print(f"writing {options.unchanged} SSTables ...", flush=True)
        unchanged = Bench(work / "many", server, options.unchanged, options.unchanged * UNCHANGED_BYTES)
        _measure_unchanged(unchanged, options)
    print()
    print(METHOD)


def _measure_data(bench: Bench, options: argparse.Namespace) -> None:
    counts = options.size >= GOALS_COUNT_FROM_BYTES
    print_heading(f"{options.sstables} SSTables, {options.size / MIB:.0f} MiB, {options.pairs} pairs")
    for rival in OFFSITE_RIVALS:
        if rival.is_installed():
            _measure_rival(bench, rival, options.pairs, counts=counts)
        else:
            print_row(rival.title, "not installed")
    _measure_second(bench, options.pairs, counts=counts)
    for title, encoding in (("raw", ()), ("zstd, encrypted", SEALED)):
        with bench.repository() as repository:
            _print_memory(f"first backup, {title}", repository.store(bench.first, "--with-clients", *encoding))


def _measure_rival(bench: Bench, rival: OffsiteRival, pairs: int, *, counts: bool) -> None:
    encoding = SEALED if rival.encrypts else ()
    seconds = []
    for number in range(pairs):
        with bench.repository() as repository:
            ours, _ = timed(bench.first, lambda: repository.store(bench.first, *encoding))
        with bench.server.bucket() as bucket:
            place = (bench.server.url, bucket, bench.work / f"{rival.program}-{number}")
            rival.make_ready(*place)
            theirs, _ = timed(bench.first, lambda: rival.send(bench.first, *place))  # noqa: B023  (called now)
        seconds.append((ours, theirs))
    our_seconds, their_seconds = (statistics.median(each) for each in zip(*seconds, strict=True))
    speed = statistics.median(theirs / ours for ours, theirs in seconds)
    goal = Goal(rival.least_speed, at_least=True).verdict(speed) if counts else ""
    print_row(rival.title, f"{our_seconds:.2f} s", f"{their_seconds:.2f} s", speed, goal)


def _measure_second(bench: Bench, pairs: int, *, counts: bool) -> None:
    seconds = []
    for _ in range(pairs):
        with bench.repository() as repository:
            _, first = timed(bench.first, lambda: repository.store(bench.first))
            grown = bench.snapshot(grown=True)
            _, second = timed(grown, lambda: repository.store(grown))  # noqa: B023  (called now)
        seconds.append((first.seconds, second.seconds))
    first_seconds, second_seconds = (statistics.median(each) for each in zip(*seconds, strict=True))
    share = statistics.median(second / first for first, second in seconds)
    goal = MOST_SECOND.verdict(share) if counts else ""
    print_row("second backup beside first, 1 % new", f"{second_seconds:.2f} s", f"{first_seconds:.2f} s", share, goal)


def _measure_unchanged(bench: Bench, options: argparse.Namespace) -> None:
    counts = options.unchanged >= GOALS_COUNT_FROM_SSTABLES
    print_heading(f"{options.unchanged} SSTables, {options.pairs} times", theirs="", ratio="")
    with bench.repository() as repository:
        first = repository.store(bench.first, "--with-clients")
        print_row("first backup", f"{first.seconds:.2f} s")
        _print_memory("first backup", first)
        before = bench.server.requests()
        runs = [repository.store(bench.snapshot(), "--with-clients") for _ in range(options.pairs)]
        requests = bench.server.requests() - before
    seconds = statistics.median(run.seconds for run in runs)
    goal = MOST_UNCHANGED_SECONDS.verdict(seconds) if counts else ""
    print_row("nothing new", f"{seconds:.2f} s", goal=goal)
    for name, most in MOST_REQUESTS.items():
        of_each = requests[name] / options.pairs
        print_row(f"nothing new : {name}", f"{of_each:g}", goal=most.verdict(of_each) if most else "")
    _print_memory("nothing new", max(runs, key=lambda run: run.peak_memory_bytes))


def _print_memory(what: str, once: Once) -> None:
    memory_mib = once.peak_memory_bytes / MIB
    print_row(f"{what} : peak memory", f"{memory_mib:.0f} MiB", goal=MOST_MEMORY.verdict(memory_mib))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=size_bytes, default="1GiB", help="of the generated SSTables")
    parser.add_argument("--sstables", type=int, default=200, help="how many these are")
    parser.add_argument("--unchanged", type=int, default=10_000, help="SSTables of the runs with nothing new")
    parser.add_argument("--pairs", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
