"""The formats of archives, and how each is compressed and read back: gzip by ISA-L, zstd by zstd, both on threads."""

import gzip
import io
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from enum import StrEnum
from typing import Any, Protocol

from isal import igzip_threaded, isal_zlib

from backup_core.read_ahead import ReadAhead


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


BLOCK_BYTES = 1 << 20

_igzip: Callable[..., Any] = igzip_threaded.open  # isal types its modules, but not this function

MOST_THREADS = 4
"""The database comes first: not every core of a large node."""

GZIP_LEVEL = 3
"""Half a percent smaller than ISA-L's level 2 on LZ4-compressed SSTables, a tenth slower: within 3 % of `gzip -6`."""

ZSTD_LEVEL = 3
ZSTD_JOB_BYTES = 4 << 20
"""Half of what level 3 hands to a worker by default: 40 MiB less memory, 0.1 % more bytes."""

LEAST_GAIN_PERCENT = 5

ZSTD_LARGEST_WINDOW_LOG = 23
"""8 MiB, where level 3 writes 2 MiB: a frame that wants more memory to be read isn't ours."""

DECOMPRESSION_ERRORS: tuple[Any, ...] = (EOFError, gzip.BadGzipFile, isal_zlib.error, zstd.ZstdError)
"""What reading raises where a compressed stream is cut short, damaged, or none at all.

Typed loosely because isal's stubs take its class for an instance.
"""


class ArchiveFormat(StrEnum):
    """How an archive is stored. The value is the suffix of its name, without the dot."""

    TAR_GZ = "tar.gz"
    TAR_ZST = "tar.zst"
    TAR = "tar"


class Sink(Protocol):
    """Where stored bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`, and say how much that is."""


class Compressor(Protocol):
    """Takes plain blocks and hands what comes of them to its sink, possibly later and in another thread."""

    def write(self, block: bytes, /) -> object:
        """Take all of `block`; raises what the sink has raised, now or some blocks ago."""

    def close(self) -> None:
        """Hand over what is left, end the stream and the threads; raises what the sink has raised."""


def open_compressor(archive_format: ArchiveFormat, sink: Sink) -> Compressor:
    """Begin a stream of `archive_format` that goes into `sink`, which stays open."""
    match archive_format:
        case ArchiveFormat.TAR_GZ:
            writer: Compressor = _igzip(sink, "wb", GZIP_LEVEL, threads=_threads(), block_size=BLOCK_BYTES)
            return writer
        case ArchiveFormat.TAR_ZST:
            return _Zstd(sink)
        case ArchiveFormat.TAR:
            return _Uncompressed(sink)


class Decompressor(Protocol):
    """Gives the plain blocks of a stream."""

    def read(self, size_bytes: int, /) -> bytes | None:
        """Some of the next bytes, about as many; none at the end."""

    def close(self) -> None:
        """End the threads."""


def open_decompressor(archive_format: ArchiveFormat, source: io.RawIOBase) -> Decompressor:
    """Read the plain bytes of a stream of `archive_format` out of `source`, which stays open.

    `read` of what is returned raises `DECOMPRESSION_ERRORS` where the stream is damaged.
    """
    match archive_format:
        case ArchiveFormat.TAR_GZ:
            reader: Decompressor = _igzip(source, "rb", block_size=BLOCK_BYTES)
            return reader
        case ArchiveFormat.TAR_ZST:
            return ReadAhead.of(zstd_decompressed(iter(lambda: source.read(BLOCK_BYTES) or b"", b"")))
        case ArchiveFormat.TAR:
            return source


def zstd_compressed(blocks: Iterable[bytes]) -> Generator[bytes]:
    """A stream in one frame, compressed in the thread that reads it: equal blocks give equal bytes."""
    compressor = zstd.ZstdCompressor(
        options={zstd.CompressionParameter.compression_level: ZSTD_LEVEL, zstd.CompressionParameter.checksum_flag: 1}
    )
    for block in blocks:
        if compressed := compressor.compress(block):
            yield compressed
    yield compressor.flush()


def shrinks(sample: bytes) -> bool:
    """Whether a stream that begins like this is worth compressing by zstd: what ScyllaDB has compressed so isn't."""
    compressed = zstd.compress(sample, ZSTD_LEVEL)
    return len(compressed) * 100 <= len(sample) * (100 - LEAST_GAIN_PERCENT)


def zstd_decompressed(blocks: Iterator[bytes]) -> Generator[bytes]:
    """The plain blocks of one frame or several. ZstdFile would copy each three times, a third of the whole work.

    Args:
        blocks: of the stored stream, none of them empty.

    Raises:
        DECOMPRESSION_ERRORS: it is damaged or ends too early.
    """
    limits: dict[int, int] = {zstd.DecompressionParameter.window_log_max: ZSTD_LARGEST_WINDOW_LOG}
    waiting = next(blocks, b"")
    while waiting:
        frame = zstd.ZstdDecompressor(options=limits)
        while not frame.eof:
            if not waiting and frame.needs_input:
                raise EOFError("it ends within a frame")
            if block := frame.decompress(waiting, BLOCK_BYTES):
                yield block
            waiting = next(blocks, b"") if frame.needs_input and not frame.eof else b""
        waiting = frame.unused_data or next(blocks, b"")


class _Zstd:
    """Compresses on threads of zstd's own; hands over in the thread that writes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._compressor = zstd.ZstdCompressor(
            options={
                zstd.CompressionParameter.compression_level: ZSTD_LEVEL,
                # One more than cores: zstd queues no jobs, a worker that is done waits until the next write.
                zstd.CompressionParameter.nb_workers: _threads() + 1,
                zstd.CompressionParameter.job_size: ZSTD_JOB_BYTES,
                zstd.CompressionParameter.checksum_flag: 1,
            }
        )

    def write(self, block: bytes) -> None:
        if compressed := self._compressor.compress(block):
            self._sink.write(compressed)

    def close(self) -> None:
        self._sink.write(self._compressor.flush())


class _Uncompressed:
    """Hands everything over as it is."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, block: bytes) -> None:
        self._sink.write(block)

    def close(self) -> None:
        """Nothing is left."""


def _threads() -> int:
    return min(len(os.sched_getaffinity(0)), MOST_THREADS)
