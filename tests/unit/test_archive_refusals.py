"""The archive step: what it refuses, what it says then, and that it leaves nothing behind."""

import os
import resource
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from backup_core.archive import ArchiveFormat, write_archive
from backup_core.archive_file import ArchiveFile
from backup_core.cancel import CancelToken
from backup_core.errors import PermissionDeniedError, RunCancelledError, SourceError, StorageError, StorageFullError
from backup_core.model import SourceFile
from tests.archive_samples import (
    DATA,
    MIB,
    archive,
    every_format,
    reachable_directory,
    snapshot_of,
    without_rights,
    write_files,
)


@contextmanager
def tmpfs(path: Path, size_bytes: int) -> Iterator[None]:
    """A small file system of its own."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", path]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a small file system, and not everywhere")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """No file grows beyond this in here."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@every_format
def test_wrong_digest(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """A Data.db that differs from its Digest.crc32 ends the step, named with both numbers, and leaves nothing."""
    content = os.urandom(3 * MIB)
    write_files(tmp_path / "source", {DATA: content})
    true_crc = zlib.crc32(content)
    snapshot = snapshot_of(tmp_path / "source", (SourceFile(DATA, len(content), true_crc ^ 1),))
    with pytest.raises(SourceError, match=rf"{DATA} has CRC-32 {true_crc} where .* {true_crc ^ 1}") as caught:
        archive(snapshot, tmp_path / "archive", archive_format)
    assert "repair" in caught.value.hint
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize("size_bytes", [1, 700, 3 * MIB])
@pytest.mark.parametrize("change", ["grown", "shrunk", "gone", "link", "pipe", "directory"])
def test_changed_file(tmp_path: Path, change: str, size_bytes: int) -> None:
    """A file that grew, shrank, vanished or became something else is named, and no archive is left."""
    snapshot = write_files(tmp_path / "source", {"first": b"1", "second": bytes(size_bytes)})
    second = tmp_path / "source" / "second"
    match change:
        case "grown":
            second.write_bytes(bytes(size_bytes + 1))
        case "shrunk":
            second.write_bytes(bytes(size_bytes - 1))
        case "gone":
            second.unlink()
        case "link":
            second.rename(tmp_path / "elsewhere")
            second.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            second.unlink()
            os.mkfifo(second)
        case "directory":
            second.unlink()
            second.mkdir()
    with pytest.raises(SourceError, match="source/second") as caught:
        archive(snapshot, tmp_path / "archive", ArchiveFormat.TAR_GZ)
    assert caught.value.hint
    assert not (tmp_path / "archive").exists()


def test_sizes_are_named(tmp_path: Path) -> None:
    """The error says how large a file is and how large it should be."""
    write_files(tmp_path / "source", {"a": b"123"})
    with pytest.raises(SourceError, match="a has 3 bytes where the snapshot had 7"):
        archive(snapshot_of(tmp_path / "source", (SourceFile("a", 7),)), tmp_path / "archive", ArchiveFormat.TAR)


def test_directory_is_gone(tmp_path: Path) -> None:
    """A snapshot whose directory has vanished is an error of the source."""
    with pytest.raises(SourceError, match="nowhere is gone"):
        archive(snapshot_of(tmp_path / "nowhere", ()), tmp_path / "archive", ArchiveFormat.TAR)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "..", ".", ""])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    """Nothing outside of the snapshot's directory is ever read."""
    write_files(tmp_path / "source", {})
    (tmp_path / "outside").write_bytes(b"1")
    with pytest.raises(SourceError, match="not the name of a file"):
        archive(snapshot_of(tmp_path / "source", (SourceFile(name, 1),)), tmp_path / "archive", ArchiveFormat.TAR)


def test_unreadable_file() -> None:
    """A file that this user may not read is a matter of permission, with the way out."""
    with reachable_directory() as directory:
        snapshot = write_files(directory / "source", {"a": b"secret"})
        (directory / "source" / "a").chmod(0)
        (directory / "target").mkdir()
        (directory / "target").chmod(0o777)
        with without_rights(), pytest.raises(PermissionDeniedError, match="Permission denied") as caught:
            archive(snapshot, directory / "target" / "archive", ArchiveFormat.TAR)
        assert "group" in caught.value.hint
        assert list((directory / "target").iterdir()) == []


@every_format
def test_disk_full(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """On a disk that fills up the step says so, with what it needs, and gives the space back."""
    snapshot = write_files(tmp_path / "source", {DATA: os.urandom(4 * MIB)})
    with tmpfs(tmp_path / "small", 2 * MIB):
        with pytest.raises(StorageFullError, match=r"No space left on device.* up to 4\d{6} are needed"):
            archive(snapshot, tmp_path / "small" / "archive", archive_format)
        assert list((tmp_path / "small").iterdir()) == []


@every_format
def test_disk_full_from_the_start(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """On a disk without a single byte left not even the first one of an archive is written."""
    snapshot = write_files(tmp_path / "source", {"a": b"1"})
    with tmpfs(tmp_path / "small", MIB):
        (tmp_path / "small" / "filler").write_bytes(bytes(MIB))
        with pytest.raises(StorageFullError, match="0 bytes are written"):
            archive(snapshot, tmp_path / "small" / "archive", archive_format)
        assert [path.name for path in (tmp_path / "small").iterdir()] == ["filler"]


@every_format
def test_file_too_large(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """A limit on a file's size is met like a full disk."""
    snapshot = write_files(tmp_path / "source", {DATA: os.urandom(4 * MIB)})
    with file_size_limit(MIB), pytest.raises(StorageFullError, match="File too large"):
        archive(snapshot, tmp_path / "archive", archive_format)
    assert not (tmp_path / "archive").exists()


def test_never_overwrites(tmp_path: Path) -> None:
    """What is there already stays as it is."""
    (tmp_path / "archive").write_bytes(b"an older backup")
    with pytest.raises(StorageError, match="File exists"):
        archive(write_files(tmp_path / "source", {"a": b"1"}), tmp_path / "archive", ArchiveFormat.TAR_GZ)
    assert (tmp_path / "archive").read_bytes() == b"an older backup"


def test_no_directory(tmp_path: Path) -> None:
    """A directory that isn't there is an error of the storage."""
    with pytest.raises(StorageError, match="No such file or directory"):
        archive(write_files(tmp_path / "source", {"a": b"1"}), tmp_path / "no" / "archive", ArchiveFormat.TAR_GZ)


def test_no_rights() -> None:
    """A directory that this user may not write to is a matter of permission."""
    with reachable_directory() as directory:
        snapshot = write_files(directory / "source", {"a": b"1"})
        (directory / "closed").mkdir(mode=0o555)
        with without_rights(), pytest.raises(PermissionDeniedError, match="closed/archive"):
            archive(snapshot, directory / "closed" / "archive", ArchiveFormat.TAR_GZ)


@every_format
@pytest.mark.parametrize("after_bytes", [0, 1, 5 * MIB])
def test_cancelled_in_the_middle(tmp_path: Path, archive_format: ArchiveFormat, after_bytes: int) -> None:
    """A cancelled step ends at the next block, with no file and no thread left."""
    snapshot = write_files(tmp_path / "source", {DATA: os.urandom(4 * MIB), "b": os.urandom(4 * MIB)})
    cancel, heard = CancelToken(), [0]
    threads = threading.active_count()

    def on_progress(read_bytes: int) -> None:
        heard.append(read_bytes)
        if read_bytes >= after_bytes:
            cancel.set(143)

    if after_bytes == 0:
        cancel.set(130)
    with pytest.raises(RunCancelledError):
        write_archive(
            snapshot, tmp_path / "archive", archive_format=archive_format, on_progress=on_progress, cancel=cancel
        )
    assert not (tmp_path / "archive").exists()
    assert heard[-1] <= after_bytes + MIB
    assert threading.active_count() == threads


def test_the_end_of_an_archive_that_failed_got_into_the_next_one(tmp_path: Path) -> None:
    """What its compressor writes when it is collected goes nowhere, though another file has the descriptor by then."""
    failed = ArchiveFile(tmp_path / "failed", MIB)
    with suppress(StorageFullError), failed:
        raise StorageFullError("There is no space left.")
    with ArchiveFile(tmp_path / "next", MIB) as file:
        with pytest.raises(StorageError):
            failed.write(b"end")
        file.write(b"whole")
        file.commit()
    assert (tmp_path / "next").read_bytes() == b"whole"
