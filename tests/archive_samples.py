"""Snapshots on disk for tests of the archive step, and what the operating system can be made to refuse."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from backup_core.archive import ArchiveFormat, write_archive
from backup_core.cancel import CancelToken
from backup_core.model import Snapshot, SourceFile, SSTable, StoredArchive, Table


TABLE = Table("users", "220f8fd0aca211f0af61efb5703633f5")
MOMENT = datetime(2025, 12, 4, 13, 43, 38, tzinfo=UTC)
NOBODY = 65534
MIB = 1 << 20
DATA = "me-3h5q_0x8t_5oh402uu8cvgm8nqsc-big-Data.db"

RECORDED = Path(__file__).parent / "data"
RECORDED_SNAPSHOTS = sorted({path.parent for path in RECORDED.glob("scylla-*/data/*/*/snapshots/*/*-Data.db")})


every_format = pytest.mark.parametrize("archive_format", list(ArchiveFormat))


def needs(command: str) -> None:
    """Skip where a command isn't installed."""
    if shutil.which(command) is None:
        pytest.skip(f"{command} is not installed")


def snapshot_of(directory: Path, files: tuple[SourceFile, ...]) -> Snapshot:
    """A snapshot that says of `directory` that these are its files, true or not."""
    sstable = SSTable("me-1-big", files)
    return Snapshot(TABLE, "1733313018", directory, (sstable,), (), MOMENT, MOMENT)


def write_files(directory: Path, contents: Mapping[str, bytes]) -> Snapshot:
    """Files with these contents, changed at a known time, as a snapshot."""
    directory.mkdir(exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_bytes(content)
        os.utime(directory / name, (MOMENT.timestamp(), MOMENT.timestamp()))
    return snapshot_of(directory, tuple(SourceFile(name, len(content)) for name, content in contents.items()))


def recorded_snapshot(directory: Path) -> Snapshot:
    """A recorded directory of real SSTables, with what its Digest.crc32 files say."""
    files = []
    for path in sorted(directory.iterdir()):
        digest = path.with_name(path.name.replace("-Data.db", "-Digest.crc32"))
        crc32 = int(digest.read_text()) if path.name.endswith("-Data.db") else None
        files.append(SourceFile(path.name, path.stat().st_size, crc32))
    return snapshot_of(directory, tuple(files))


def archive(snapshot: Snapshot, destination: Path, archive_format: ArchiveFormat) -> StoredArchive:
    """Archive a snapshot without anybody watching."""
    return write_archive(
        snapshot, destination, archive_format=archive_format, on_progress=lambda _: None, cancel=CancelToken()
    )


def sha256(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def without_rights() -> Iterator[None]:
    """Files of mode 0 really are refused in here, also where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def reachable_directory() -> Iterator[Path]:
    """A temporary directory that other users can reach, which pytest's own aren't."""
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)
