"""Directories of SSTables to measure on: nothing in them is a copy, and they compress like real ones.

A real `Data.db` is LZ4 over chunks of 4 KiB, as a rule: short runs of literals between tokens and offsets. What can be
found in that by another compressor is little, and differs from compressor to compressor, so that neither text nor
random bytes would do. Here such sequences are drawn instead of compressed: lengths and offsets are distributed as
liblz4 makes them from items of names, numbers, dates, ids and prose. The size that ISA-L's level 2 then reaches,
beside that of `gzip -6`, is what was measured on 663 MiB of real SSTables (2 % more).
"""

import json
import random
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate, islice
from pathlib import Path


SSTABLES = 4
WRITERS = 4
SEED = 1733313018

LITERALS = (348, 114, 75, 74, 61, 56, 43, 52, 23, 17, 17, 12, 12, 13, 11, 5, 4, 4, 3, 2, 5, 2, 3, 12)
"""How often a run of 0, 1, 2 ... literals stands before a match, in thousands, as counted in LZ4 blocks of items."""
MATCHES = (491, 133, 50, 30, 30, 17, 18, 5, 23, 36, 34, 21, 26, 5, 23, 25, 3, 3, 1, 3)
"""How often a match is 4, 5, 6 ... bytes long."""
OFFSETS = (189, 298, 62, 116, 79, 37, 61, 28, 32, 32, 13, 21, 12, 7, 8, 2)
"""How often a match lies less than 256, 512, 768 ... bytes back."""

SOURCES = (15, 3, 2)
"""How often literals are prose, a number, an id."""

RUNS = 60_000
IDIOMS = 4_000
IDIOM_EVERY = 4
VOCABULARY = 4_000
NIBBLE = 15
SEQUENCES_AT_ONCE = 50_000
CHUNK_BYTES = (2_500, 3_300)
CONSONANTS = ["b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "br", "ch", "st", "tr"]
VOWELS = ["a", "e", "i", "o", "u", "ai", "ea"]
ENDINGS = ("", "n", "r", "s", "t", "l")
COMPONENTS = (
    "CompressionInfo.db",
    "Data.db",
    "Digest.crc32",
    "Filter.db",
    "Index.db",
    "Scylla.db",
    "Statistics.db",
    "Summary.db",
    "TOC.txt",
)


def write_sstables(directory: Path, size_bytes: int, sstables: int = SSTABLES) -> None:
    """Fill `directory` with SSTables of `size_bytes` together, the same ones each time, all components true."""
    numbers = [range(first, sstables, WRITERS) for first in range(min(sstables, WRITERS))]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_write_sstables, [directory] * len(numbers), numbers, [size_bytes // sstables] * len(numbers)))


def link_snapshot(data: Path, directory: Path, sstables: range) -> None:
    """Make `directory` a snapshot of some of the SSTables in `data`, by their numbers, as ScyllaDB makes them."""
    directory.mkdir(parents=True)
    names = [f"{_prefix(number)}{component}" for number in sstables for component in COMPONENTS]
    for name in names:
        (directory / name).hardlink_to(data / name)
    manifest = {"files": [name for name in names if name.endswith("-Data.db")]}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "schema.cql").write_text("CREATE TABLE ...;")


def write_tiny_files(directory: Path, count: int, size_bytes: int) -> None:
    """Fill `directory` with `count` files of `size_bytes` each, as tablets make them."""
    chunks = _Chunks(random.Random(SEED))  # noqa: S311  (the same bytes each time are what is wanted)
    content = b"".join(islice(chunks, count * size_bytes // CHUNK_BYTES[0] + 1))
    for i in range(count):
        name = f"me-3gxx_{i // 9:04d}_2dqf42dsm3z1o293co-big-Part{i % 9}.db"
        (directory / name).write_bytes(content[i * size_bytes : (i + 1) * size_bytes])


def _write_sstables(directory: Path, numbers: range, size_bytes: int) -> None:
    rng = random.Random(SEED + numbers[0])  # noqa: S311  (the same bytes each time are what is wanted)
    chunks = iter(_Chunks(rng))
    for number in numbers:
        _write_sstable(directory / _prefix(number), size_bytes, rng, chunks)


def _prefix(number: int) -> str:
    return f"me-3gxx_{number:04d}_2dqf42dsm3z1o293co-big-"


def _write_sstable(path: Path, size_bytes: int, rng: random.Random, chunks: Iterator[bytes]) -> None:
    offsets, position, crc32 = [], 0, 0
    with path.with_name(f"{path.name}Data.db").open("wb") as data:
        for chunk in chunks:
            offsets.append(position)
            position += data.write(chunk)
            crc32 = zlib.crc32(chunk, crc32)
            if position >= size_bytes:
                break
    components = {
        "CompressionInfo.db": b"\0\rLZ4Compressor" + struct.pack(f">{len(offsets)}Q", *offsets),
        "Digest.crc32": str(crc32).encode(),
        "Filter.db": rng.randbytes(size_bytes // 400),
        "Index.db": b"".join(struct.pack(">H8sQ", 8, rng.randbytes(8), offset) for offset in offsets),
        "Scylla.db": rng.randbytes(300),
        "Statistics.db": struct.pack(">1000I", *(rng.randrange(1000) for _ in range(1000))),
        "Summary.db": b"".join(struct.pack(">8sQ", rng.randbytes(8), offset) for offset in offsets[::128]),
        "TOC.txt": "".join(f"{component}\n" for component in COMPONENTS).encode(),
    }
    for component, content in components.items():
        path.with_name(f"{path.name}{component}").write_bytes(content)


class _Chunks:
    """Compressed chunks without end, each with its length before it and its checksum behind it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._runs = _runs(rng)
        high = rng.choices(range(len(OFFSETS)), OFFSETS, k=1 << 15)
        self._offsets = [bytes((rng.randrange(256), byte)) for byte in high]
        choose = rng.choice
        self._idioms = [
            choose(self._runs) + choose(self._offsets) + choose(self._runs)[:1] + choose(self._offsets)
            for _ in range(IDIOMS)
        ]
        self._idiom_frequencies = list(accumulate(1 / (rank + 100) for rank in range(IDIOMS)))

    def __iter__(self) -> Iterator[bytes]:
        while True:
            sequences = self._sequences()
            begin = 0
            while begin < len(sequences):
                end = begin + self._rng.randrange(*CHUNK_BYTES)
                yield b"\0\x10\0\0" + sequences[begin:end] + self._rng.randbytes(4)
                begin = end

    def _sequences(self) -> bytes:
        rng, count = self._rng, SEQUENCES_AT_ONCE
        pieces = [b""] * (2 * count)
        pieces[::2] = rng.choices(self._runs, k=count)
        pieces[1::2] = rng.choices(self._offsets, k=count)
        # Whatever all items have in common comes as the same match again and again.
        every = 2 * IDIOM_EVERY
        pieces[::every] = rng.choices(self._idioms, cum_weights=self._idiom_frequencies, k=len(pieces[::every]))
        return b"".join(pieces)


def _runs(rng: random.Random) -> list[bytes]:
    """Tokens with their literals: pieces of prose, of numbers and of hexadecimal digits, cut anywhere."""
    prose = " ".join(_words(rng, RUNS)).encode()
    digits = "".join(rng.choices("0123456789", k=RUNS)).encode()
    sources = (prose, digits, rng.randbytes(RUNS).hex().encode())
    lengths = rng.choices(range(len(LITERALS)), LITERALS, k=RUNS)
    matches = rng.choices(range(len(MATCHES)), MATCHES, k=RUNS)
    runs = []
    for length, match, source in zip(lengths, matches, rng.choices(sources, SOURCES, k=RUNS), strict=True):
        begin = int(rng.random() * (len(source) - length))
        token = bytes((min(length, NIBBLE) << 4 | min(match, NIBBLE),))
        more = bytes((length - NIBBLE,)) if length >= NIBBLE else b""
        runs.append(token + more + source[begin : begin + length])
    return runs


def _words(rng: random.Random, count: int) -> list[str]:
    vocabulary = []
    for _ in range(VOCABULARY):
        syllables = (rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.choice((1, 2, 2, 3))))
        vocabulary.append("".join(syllables) + rng.choice(ENDINGS))
    frequencies = list(accumulate(1 / (rank + 50) for rank in range(VOCABULARY)))
    return rng.choices(vocabulary, cum_weights=frequencies, k=count)
