"""A tar archive as a stream of blocks, read from a snapshot's files as it is asked for."""

from collections.abc import Callable, Iterable, Iterator

from backup_core.compression import BLOCK_BYTES
from backup_core.model import SourceFile
from backup_core.source_files import OpenFile, SourceDirectory
from backup_core.tar_format import end_of_archive, member_header, padding


def tar_blocks(
    files: Iterable[SourceFile], source: SourceDirectory, on_read: Callable[[SourceFile, OpenFile], None]
) -> Iterator[bytes]:
    """The blocks of an archive; equal files with equal times of change give equal blocks.

    Args:
        files: what goes into it, each read once.
        source: where they are.
        on_read: hears of each when it has been read to its end.

    Raises:
        BackupError: as `OpenFile.blocks` does.
    """
    return _gathered(_pieces(files, source, on_read))


def _pieces(
    files: Iterable[SourceFile], source: SourceDirectory, on_read: Callable[[SourceFile, OpenFile], None]
) -> Iterator[bytes]:
    size_bytes = 0
    for file in files:
        with source.open(file) as content:
            header, filling = member_header(file.name, file.size_bytes, content.modified_at), padding(file.size_bytes)
            yield header
            yield from content.blocks()
            yield filling
            on_read(file, content)
        size_bytes += len(header) + file.size_bytes + len(filling)
    yield end_of_archive(size_bytes)


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces together in blocks of a size that is worth handing over."""
    waiting: list[bytes] = []
    waiting_bytes = 0
    for piece in pieces:
        waiting.append(piece)
        waiting_bytes += len(piece)
        if waiting_bytes >= BLOCK_BYTES:
            yield b"".join(waiting)
            waiting.clear()
            waiting_bytes = 0
    if waiting:
        yield b"".join(waiting)
