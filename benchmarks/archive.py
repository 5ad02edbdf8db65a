"""The archive step beside what else people use, on SSTables: speed, size, memory; then the command's own speed.

Usage: python benchmarks/archive.py [--data DIR] [--size 500MiB] [--pairs 5]

Each pair is one run of ours and one of theirs, in turn, over the same files, which are read once before each run, so
that no run waits for the disk more than another. Ratios are medians of the pairs' ratios: other load on the machine
slows both, and counts less.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from commands import measure_commands
from pairs import LEAST_TINY_SPEED, RIVALS, TINY_RIVAL, Comparison, Rival, archive_once, compare
from report import Goal, print_heading, print_row
from sstables import write_sstables, write_tiny_files


MIB = 1 << 20
UNITS = {"KiB": 1 << 10, "MiB": MIB, "GiB": 1 << 30}
MOST_MEMORY_MIB = 180
GOALS_COUNT_FROM_BYTES = 100_000_000
GOALS_COUNT_FROM_FILES = 10_000
TINY_FILE_BYTES = 500
METHOD = """\
ours:    a whole process: the interpreter's start, the list of files, SHA-256 of each file, of the tar stream and of
         the archive, CRC-32 of each Data.db against its Digest.crc32, and fsync of the archive
         (of tiny files, the step alone counts: a run starts once for all its tables)
theirs:  the whole pipeline of commands, without any of these
ratio:   median of the pairs' ratios: times as fast as theirs; times as large as theirs
goals:   count from 100 MB of data and 10,000 tiny files on, on two idle cores
memory:  peak of resident memory of a process that has boto3, cassandra-driver and urllib3 loaded as well"""


def main() -> None:
    """Measure, and print what is known as soon as it is."""
    options = _options()
    with TemporaryDirectory(prefix="alternator-backup-benchmark-") as directory:
        work = Path(directory)
        with _sstables(options, work) as data:
            _measure_archives(data, options.pairs, work)
        _measure_tiny_files(options.tiny_files, options.pairs, work)
        measure_commands(options.backups, options.pairs, work)
    print()
    print(METHOD)


@contextmanager
def _sstables(options: argparse.Namespace, work: Path) -> Iterator[Path]:
    if options.data:
        yield options.data
        return
    data = work / "sstables"
    data.mkdir()
    print(f"writing {options.size // MIB} MiB of SSTables ...", flush=True)
    write_sstables(data, options.size)
    yield data


def _measure_archives(data: Path, pairs: int, work: Path) -> None:
    sizes = [path.stat().st_size for path in data.iterdir()]
    print_heading(f"{len(sizes)} files, {sum(sizes) / MIB:.0f} MiB, {pairs} pairs")
    for rival in RIVALS:
        if rival.is_installed():
            _measure_rival(rival, data, pairs, work, counts=sum(sizes) >= GOALS_COUNT_FROM_BYTES)
        else:
            print_row(f"{rival.archive_format} : {rival.title}", "not installed")
    for archive_format in ("tar.gz", "tar.zst", "tar"):
        destination = work / "memory"
        memory_mib = archive_once(data, destination, archive_format, "--with-clients").peak_memory_bytes / MIB
        destination.unlink()
        print_row(
            f"{archive_format} : peak memory", f"{memory_mib:.0f} MiB", goal=Goal(MOST_MEMORY_MIB).verdict(memory_mib)
        )


def _measure_tiny_files(count: int, pairs: int, work: Path) -> None:
    data = work / "tiny"
    data.mkdir()
    write_tiny_files(data, count, TINY_FILE_BYTES)
    print_heading(f"{count} files of {TINY_FILE_BYTES} bytes, {pairs} pairs")
    found = _measure_rival(TINY_RIVAL, data, pairs, work, counts=False)
    counts = count >= GOALS_COUNT_FROM_FILES
    goal = Goal(LEAST_TINY_SPEED, at_least=True).verdict(found.step_speed) if counts else ""
    ours, theirs = f"{found.step_seconds:.2f} s", f"{found.their_seconds:.2f} s"
    print_row("  the archive step alone", ours, theirs, found.step_speed, goal)


def _measure_rival(rival: Rival, data: Path, pairs: int, work: Path, *, counts: bool) -> Comparison:
    found = compare(data, rival, pairs, work)
    size = found.our_bytes / found.their_bytes
    speed_goal = Goal(rival.least_speed, at_least=True).verdict(found.speed) if counts and rival.least_speed else ""
    size_goal = Goal(rival.most_size).verdict(size) if counts and rival.most_size else ""
    what = f"{rival.archive_format} : {rival.title}"
    print_row(what, f"{found.our_seconds:.2f} s", f"{found.their_seconds:.2f} s", found.speed, speed_goal)
    print_row("", f"{found.our_bytes / MIB:.1f} MiB", f"{found.their_bytes / MIB:.1f} MiB", size, size_goal)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=_flat_directory, help="a snapshot's directory instead of generated SSTables")
    parser.add_argument("--size", type=size_bytes, default="500MiB", help="of the generated SSTables")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--tiny-files", type=int, default=10_000)
    parser.add_argument("--backups", type=int, default=1_000, help="how many the listed repository has")
    return parser.parse_args()


def size_bytes(text: str) -> int:
    """Read `500MiB` or plain bytes."""
    return int(text[:-3]) * UNITS[text[-3:]] if text[-3:] in UNITS else int(text)


def _flat_directory(text: str) -> Path:
    directory = Path(text)
    if not directory.is_dir() or not all(path.is_file() and not path.is_symlink() for path in directory.iterdir()):
        raise argparse.ArgumentTypeError(f"{text} is not a directory with nothing but files in it")
    return directory


if __name__ == "__main__":
    main()
