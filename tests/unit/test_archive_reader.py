"""Reading archives back: what is right passes, whatever is not is named, and nothing in an archive is trusted."""

import dataclasses
import gc
import gzip
import io
import os
import shutil
import sys
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_core.archive import ArchiveFormat
from backup_core.archive_check import check_archive
from backup_core.archive_reader import read_members
from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError, PermissionDeniedError, RunCancelledError
from backup_core.model import StoredArchive
from backup_core.plain_stream import PlainStream
from tests.archive_samples import (
    DATA,
    MIB,
    RECORDED_SNAPSHOTS,
    archive,
    every_format,
    reachable_directory,
    recorded_snapshot,
    without_rights,
    write_files,
)


if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


CONTENTS = {
    "manifest.json": b'{"files":[]}',
    DATA: bytes(range(256)) * 60,
    "me-1-big-TOC.txt": b"Data.db\nTOC.txt\n",
    "empty": b"",
}


def check(path: Path, expected: StoredArchive, archive_format: ArchiveFormat) -> None:
    """Check without anybody watching."""
    check_archive(path, expected, archive_format=archive_format, on_progress=lambda _: None, cancel=CancelToken())


def plain_stream(
    path: Path, archive_format: ArchiveFormat = ArchiveFormat.TAR, most_bytes: int = 1 << 30
) -> PlainStream:
    """The tar stream in an archive."""
    return PlainStream(
        path, archive_format, most_plain_bytes=most_bytes, on_progress=lambda _: None, cancel=CancelToken()
    )


def tar_of(path: Path, *members: tarfile.TarInfo) -> Path:
    """A tar archive with these headers, each with as many zeros behind it as it says."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)) if member.isreg() else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, size_bytes: int = 0) -> tarfile.TarInfo:
    """A header."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size_bytes, "/etc/shadow" if kind in b"12" else ""
    return info


@pytest.mark.parametrize("directory", RECORDED_SNAPSHOTS[::6], ids=lambda path: path.parent.parent.name)
@every_format
def test_real_sstables_pass(tmp_path: Path, directory: Path, archive_format: ArchiveFormat) -> None:
    """An archive of recorded SSTables is found to be what was written, and progress ends at its size."""
    stored = archive(recorded_snapshot(directory), tmp_path / "archive", archive_format)
    heard: list[int] = []
    check_archive(
        tmp_path / "archive", stored, archive_format=archive_format, on_progress=heard.append, cancel=CancelToken()
    )
    assert heard == sorted(heard)
    assert heard[-1] == stored.size_bytes


@every_format
def test_members_come_as_they_went_in(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """A restore gets each member's name, size and content in the archive's order."""
    contents = CONTENTS | {"x" * 200: b"long name", "large": os.urandom(3 * MIB + 7)}
    stored = archive(write_files(tmp_path / "source", contents), tmp_path / "archive", archive_format)
    with closing(plain_stream(tmp_path / "archive", archive_format, stored.plain_size_bytes)) as plain:
        found = [(m.name, m.size_bytes, b"".join(m.chunks)) for m in read_members(plain)]
        totals = plain.finish()
    assert found == [(name, len(content), content) for name, content in contents.items()]
    assert (totals.size_bytes, totals.sha256) == (stored.size_bytes, stored.sha256)
    assert (totals.plain_size_bytes, totals.plain_sha256) == (stored.plain_size_bytes, stored.plain_sha256)


def test_content_can_be_skipped(tmp_path: Path) -> None:
    """Whoever wants only some members need not read the others."""
    archive(write_files(tmp_path / "source", CONTENTS), tmp_path / "archive", ArchiveFormat.TAR_GZ)
    with closing(plain_stream(tmp_path / "archive", ArchiveFormat.TAR_GZ)) as plain:
        assert [found.name for found in read_members(plain)] == list(CONTENTS)


class Damaged:
    """A small archive in memory, and what an unknown hand made of it."""

    def __init__(self, archive_format: ArchiveFormat) -> None:
        self.archive_format = archive_format
        with TemporaryDirectory() as directory:
            path = Path(directory) / "archive"
            self.stored = archive(write_files(Path(directory) / "source", CONTENTS), path, archive_format)
            self.content = path.read_bytes()

    def check(self, content: bytes) -> None:
        """Check other bytes against what was recorded."""
        with TemporaryDirectory() as directory:
            path = Path(directory) / "archive"
            path.write_bytes(content)
            check(path, self.stored, self.archive_format)


SAMPLES = {archive_format: Damaged(archive_format) for archive_format in ArchiveFormat}
samples = st.sampled_from(ArchiveFormat).map(SAMPLES.__getitem__)


@settings(max_examples=150)
@given(sample=samples, data=st.data())
def test_any_flipped_bit_is_found(sample: Damaged, data: st.DataObject) -> None:
    """There is no bit in an archive that can change unnoticed."""
    position = data.draw(st.integers(0, len(sample.content) - 1))
    content = bytearray(sample.content)
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(IntegrityError, match="is damaged"):
        sample.check(bytes(content))


@settings(max_examples=60)
@given(sample=samples, data=st.data())
def test_any_truncation_is_found(sample: Damaged, data: st.DataObject) -> None:
    """An archive that was cut short anywhere is refused, with both sizes."""
    length = data.draw(st.integers(0, len(sample.content) - 1))
    with pytest.raises(IntegrityError, match=f"the file has {length} bytes instead of {len(sample.content)}"):
        sample.check(sample.content[:length])


@settings(max_examples=60)
@given(sample=samples, addition=st.one_of(st.binary(min_size=1), st.integers(1, 20000).map(bytes)))
def test_anything_added_is_found(sample: Damaged, addition: bytes) -> None:
    """Bytes behind the end of an archive are refused, zeros too, whatever a decompressor thinks of them."""
    with pytest.raises(IntegrityError, match=f"the file has {len(sample.content) + len(addition)} bytes instead"):
        sample.check(sample.content + addition)


@settings(max_examples=100)
@given(sample=samples, content=st.binary(max_size=3000))
def test_no_archive_at_all(sample: Damaged, content: bytes) -> None:
    """Arbitrary bytes are refused, and nothing but that happens."""
    with pytest.raises(IntegrityError, match="is damaged"):
        sample.check(content)


@every_format
def test_the_wrong_archive(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """Against another backup's record, members that lack, are new or differ are named."""
    stored = archive(write_files(tmp_path / "source", CONTENTS), tmp_path / "archive", archive_format)

    def refused(contents: dict[str, bytes], reason: str) -> None:
        shutil.rmtree(tmp_path / "source")
        (tmp_path / "other").unlink(missing_ok=True)
        archive(write_files(tmp_path / "source", contents), tmp_path / "other", archive_format)
        with pytest.raises(IntegrityError, match=reason):
            check(tmp_path / "other", stored, archive_format)

    without_toc = {name: content for name, content in CONTENTS.items() if "TOC" not in name}
    refused(without_toc, r"1 of 4 files are not in it: 'me-1-big-TOC.txt'")
    refused(CONTENTS | {"extra": b""}, r"'extra' is in it, and wasn't put in")
    refused(CONTENTS | {"manifest.json": b'{"files":{}}'}, r"'manifest.json' has SHA-256 \w{64} in it instead of")
    refused(CONTENTS | {"manifest.json": b"{}"}, r"'manifest.json' has 2 bytes in it instead of 12")
    refused({}, r"4 of 4 files are not in it: 'manifest.json', '\S+', 'me-1-big-TOC.txt'")


def test_the_same_members_in_another_order(tmp_path: Path) -> None:
    """An archive with the right members, but not the one that was written, is refused all the same."""
    stored = archive(write_files(tmp_path / "source", CONTENTS), tmp_path / "archive", ArchiveFormat.TAR)
    backwards = dict(reversed(CONTENTS.items()))
    archive(write_files(tmp_path / "source", backwards), tmp_path / "other", ArchiveFormat.TAR)
    with pytest.raises(IntegrityError, match="its tar stream has SHA-256"):
        check(tmp_path / "other", stored, ArchiveFormat.TAR)


def test_the_same_content_compressed_otherwise(tmp_path: Path) -> None:
    """Another compressed file with the same tar stream in it isn't the one that was stored."""
    stored = archive(write_files(tmp_path / "source", CONTENTS), tmp_path / "archive", ArchiveFormat.TAR_GZ)
    (tmp_path / "other").write_bytes(gzip.compress(gzip.decompress((tmp_path / "archive").read_bytes())))
    size_bytes = (tmp_path / "other").stat().st_size
    with pytest.raises(IntegrityError, match="instead of"):
        check(tmp_path / "other", dataclasses.replace(stored, size_bytes=size_bytes), ArchiveFormat.TAR_GZ)


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (member("link", tarfile.SYMTYPE), "'link' is a symbolic link"),
        (member("link", tarfile.LNKTYPE), "'link' is a hard link"),
        (member("null", tarfile.CHRTYPE), "'null' is a character device"),
        (member("disk", tarfile.BLKTYPE), "'disk' is a block device"),
        (member("pipe", tarfile.FIFOTYPE), "'pipe' is a pipe"),
        (member("subdirectory", tarfile.DIRTYPE), "'subdirectory/?' is a directory"),
        (member("sparse", tarfile.GNUTYPE_SPARSE), "'sparse' is of another kind"),
        (member("extended", tarfile.XHDTYPE), "'extended' is of another kind"),
        (member("/etc/passwd"), "'/etc/passwd' is not a plain file name"),
        (member("../../etc/passwd"), "'../../etc/passwd' is not a plain file name"),
        (member(".."), "'..' is not a plain file name"),
        (member("/" + "x" * 200), "'/x+' is not a plain file name"),
    ],
    ids=range(12),
)
def test_hostile_members(tmp_path: Path, hostile: tarfile.TarInfo, reason: str) -> None:
    """Anything but regular files by plain names is refused before it could do anything."""
    path = tar_of(tmp_path / "archive", member("harmless", size_bytes=700), hostile)
    with closing(plain_stream(path)) as plain, pytest.raises(IntegrityError, match=reason):
        list(read_members(plain))


def test_a_name_of_gigabytes(tmp_path: Path) -> None:
    """A member whose name is a file of its own doesn't get into memory."""
    path = tar_of(tmp_path / "archive", member("././@LongLink", tarfile.GNUTYPE_LONGNAME, 8 << 30))
    with closing(plain_stream(path)) as plain, pytest.raises(IntegrityError, match="of another kind"):
        list(read_members(plain))


@settings(max_examples=200)
@given(position=st.integers(0, 2047), value=st.integers(0, 255))
def test_headers_are_not_trusted(position: int, value: int) -> None:
    """Whatever stands in a header, reading gives members with plain names, or an error of ours."""
    content = bytearray(SAMPLES[ArchiveFormat.TAR].content)
    content[position] = value
    with TemporaryDirectory() as directory:
        (Path(directory) / "archive").write_bytes(content)
        with closing(plain_stream(Path(directory) / "archive")) as plain:
            try:
                names = [found.name for found in read_members(plain)]
            except IntegrityError:
                return
    assert all(name == Path(name).name for name in names)


def bomb_of(size_bytes: int, compress: Callable[[bytes], bytes]) -> bytes:
    """A few bytes that grow to `size_bytes`."""
    return compress(member("bomb", size_bytes=size_bytes).tobuf(tarfile.GNU_FORMAT) + bytes(size_bytes))


@pytest.mark.parametrize(
    ("archive_format", "compress"), [(ArchiveFormat.TAR_GZ, gzip.compress), (ArchiveFormat.TAR_ZST, zstd.compress)]
)
def test_bombs(tmp_path: Path, archive_format: ArchiveFormat, compress: Callable[[bytes], bytes]) -> None:
    """A small archive that grows without end is left as soon as it is larger than what was put in."""
    (tmp_path / "bomb").write_bytes(bomb_of(64 * MIB, compress))
    with closing(plain_stream(tmp_path / "bomb", archive_format, most_bytes=2 * MIB)) as plain:
        found, read_bytes = next(read_members(plain)), list[int]()
        with pytest.raises(IntegrityError, match=f"holds more than the {2 * MIB} bytes"):
            read_bytes.extend(len(chunk) for chunk in found.chunks)
    assert sum(read_bytes) <= 3 * MIB


def test_a_frame_that_wants_all_memory(tmp_path: Path) -> None:
    """A zstd frame that needs a window of 128 MiB to be read isn't ours, and isn't read."""
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    (tmp_path / "archive").write_bytes(compressor.compress(os.urandom(MIB)) + compressor.flush())
    with (
        closing(plain_stream(tmp_path / "archive", ArchiveFormat.TAR_ZST)) as plain,
        pytest.raises(IntegrityError, match="requires too much memory"),
    ):
        list(read_members(plain))


@every_format
def test_cancelled(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """A cancelled check ends at the next block and leaves no thread."""
    contents = {DATA: os.urandom(8 * MIB)}
    stored = archive(write_files(tmp_path / "source", contents), tmp_path / "archive", archive_format)
    cancel, threads = CancelToken(), threading.active_count()
    with pytest.raises(RunCancelledError):
        check_archive(
            tmp_path / "archive",
            stored,
            archive_format=archive_format,
            on_progress=lambda read_bytes: cancel.set(130) if read_bytes > MIB else None,
            cancel=cancel,
        )
    assert threading.active_count() == threads


@pytest.mark.parametrize("instead", ["nothing", "directory", "pipe"])
def test_not_a_file(tmp_path: Path, instead: str) -> None:
    """A missing archive, or something else by its name, is refused at once."""
    path = tmp_path / "archive"
    match instead:
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
    reason = "archive is missing" if instead == "nothing" else "not a regular file"
    with pytest.raises(IntegrityError, match=reason):
        check(path, SAMPLES[ArchiveFormat.TAR].stored, ArchiveFormat.TAR)


def test_refusing_a_directory_closes_no_file_that_was_opened_since(tmp_path: Path) -> None:
    """What was refused is closed once: by the time that it is forgotten, its descriptor's number is somebody else's."""
    with pytest.raises(IntegrityError, match="not a regular file") as caught:
        plain_stream(tmp_path)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    del caught
    gc.collect()
    os.close(descriptor)


def test_unreadable() -> None:
    """An archive that this user may not read is a matter of permission, not of integrity."""
    with reachable_directory() as directory:
        stored = archive(write_files(directory / "source", CONTENTS), directory / "archive", ArchiveFormat.TAR_GZ)
        (directory / "archive").chmod(0)
        with without_rights(), pytest.raises(PermissionDeniedError, match="archive"):
            check(directory / "archive", stored, ArchiveFormat.TAR_GZ)
