"""The archive step: what it writes, and who can read that."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_core.archive import ArchiveFormat, write_archive
from backup_core.archive_check import check_archive
from backup_core.cancel import CancelToken
from backup_core.tar_format import member_header, stream_size_bytes
from tests.archive_samples import (
    DATA,
    MIB,
    MOMENT,
    RECORDED_SNAPSHOTS,
    archive,
    every_format,
    needs,
    recorded_snapshot,
    sha256,
    write_files,
)


EDGE_SIZES = (0, 1, 511, 512, 513, 10 * 1024, MIB - 1, MIB, MIB + 1)
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=60).filter(
    lambda name: name not in {".", ".."}
)
CONTENTS = st.one_of(
    st.binary(max_size=2000),
    st.builds(
        lambda size, seed: (seed * (size // len(seed) + 1))[:size], st.sampled_from(EDGE_SIZES), st.binary(min_size=1)
    ),
)


def read_by_tarfile(path: Path) -> list[tuple[str, bytes]]:
    """Names and contents, as another reader finds them."""
    with tarfile.open(path) as tar:
        members = tar.getmembers()
        files = [tar.extractfile(member) for member in members]
        return [(member.name, file.read()) for member, file in zip(members, files, strict=True) if file]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(contents=st.dictionaries(NAMES, CONTENTS, max_size=6), archive_format=st.sampled_from(ArchiveFormat))
def test_round_trip(contents: dict[str, bytes], archive_format: ArchiveFormat) -> None:
    """Any set of files comes back from the archive, byte by byte, also through another reader."""
    with TemporaryDirectory() as directory:
        destination, uncompressed = Path(directory) / "stored", Path(directory) / "uncompressed"
        snapshot = write_files(Path(directory) / "source", contents)
        stored = archive(snapshot, destination, archive_format)
        check_archive(
            destination, stored, archive_format=archive_format, on_progress=lambda _: None, cancel=CancelToken()
        )
        plain = archive(snapshot, uncompressed, ArchiveFormat.TAR)
        assert read_by_tarfile(uncompressed) == list(contents.items())
    assert [file.sha256 for file in stored.files] == [sha256(content) for content in contents.values()]
    assert stored.plain_sha256 == plain.plain_sha256 == plain.sha256


@every_format
def test_the_result_describes_the_file(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """Name, sizes and hashes that are returned are those of what lies on the disk, which is for its owner only."""
    snapshot = write_files(tmp_path / "source", {"a": b"1" * 5000, DATA: os.urandom(3 * MIB)})
    destination = tmp_path / "users_backup"
    stored = archive(snapshot, destination, archive_format)
    assert stored.name == "users_backup"
    assert (stored.size_bytes, stored.sha256) == (destination.stat().st_size, sha256(destination.read_bytes()))
    assert stored.plain_size_bytes == stream_size_bytes(snapshot.files)
    assert stored.plain_size_bytes % 10240 == 0
    assert destination.stat().st_mode & 0o777 == 0o600
    assert [(file.name, file.size_bytes) for file in stored.files] == [("a", 5000), (DATA, 3 * MIB)]


def test_members_look_as_documented(tmp_path: Path) -> None:
    """Members stand in the snapshot's order by plain name, readable for all, owned by root, with their times."""
    snapshot = write_files(tmp_path / "source", {"z": b"last", "a": b"first"})
    archive(snapshot, tmp_path / "tar", ArchiveFormat.TAR)
    with tarfile.open(tmp_path / "tar") as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == ["z", "a"]
    assert {(m.mode, m.uid, m.gid, m.mtime, m.type) for m in members} == {
        (0o644, 0, 0, int(MOMENT.timestamp()), tarfile.REGTYPE)
    }


@every_format
def test_same_snapshot_same_plain_bytes(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """Archiving a snapshot twice gives the same tar stream."""
    snapshot = write_files(tmp_path / "source", {str(i): os.urandom(i * 1000) for i in range(50)})
    first = archive(snapshot, tmp_path / "first", archive_format)
    second = archive(snapshot, tmp_path / "second", archive_format)
    assert first.plain_sha256 == second.plain_sha256


@pytest.mark.parametrize("size_bytes", [8**11 - 1, 8**11, 9 << 40])
@pytest.mark.parametrize("modified_at", [-5, 0, 1733313018, 1 << 34])
def test_headers_of_huge_files(size_bytes: int, modified_at: int) -> None:
    """Sizes above 8 GiB, and times outside of what octal digits hold, are read by others as they were."""
    member = tarfile.TarInfo.frombuf(member_header("a", size_bytes, modified_at), "utf-8", "strict")
    assert (member.size, member.mtime) == (size_bytes, modified_at)


def test_progress_grows_to_the_snapshots_size(tmp_path: Path) -> None:
    """Progress never goes back, and ends with every byte of the snapshot."""
    snapshot = write_files(tmp_path / "source", {"a": os.urandom(5 * MIB), **{str(i): b"tiny" for i in range(100)}})
    heard: list[int] = []
    write_archive(
        snapshot,
        tmp_path / "archive",
        archive_format=ArchiveFormat.TAR_GZ,
        on_progress=heard.append,
        cancel=CancelToken(),
    )
    assert heard == sorted(heard)
    assert len(heard) > 4
    assert heard[-1] == snapshot.size_bytes


@pytest.mark.parametrize("directory", RECORDED_SNAPSHOTS[::6], ids=lambda path: path.parent.parent.name)
@pytest.mark.parametrize(
    ("archive_format", "options", "program"),
    [
        (ArchiveFormat.TAR_GZ, ["--gzip"], "gzip"),
        (ArchiveFormat.TAR_ZST, ["--zstd"], "zstd"),
        (ArchiveFormat.TAR, [], "tar"),
    ],
)
def test_gnu_tar_unpacks_real_sstables(
    tmp_path: Path, directory: Path, archive_format: ArchiveFormat, options: list[str], program: str
) -> None:
    """Recorded SSTables pass their digests, and GNU tar brings back the same files."""
    needs("tar")
    needs(program)
    snapshot = recorded_snapshot(directory)
    archive(snapshot, tmp_path / "stored", archive_format)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", *options, "-xf", tmp_path / "stored", "-C", unpacked], check=True)
    assert any(file.crc32 is not None for file in snapshot.files)
    assert {p.name: p.read_bytes() for p in unpacked.iterdir()} == {p.name: p.read_bytes() for p in directory.iterdir()}


def test_gnu_tar_lists_odd_names(tmp_path: Path) -> None:
    """Names of every length up to the file system's, and with odd characters, are listed as they are."""
    needs("tar")
    names = ["x" * length for length in (99, 100, 101, 255)] + ["with blank", "ümlaut", "-dash", "~tilde"]
    archive(write_files(tmp_path / "source", dict.fromkeys(names, b"content")), tmp_path / "a", ArchiveFormat.TAR_GZ)
    command = ["tar", "--quoting-style=literal", "-tzf", tmp_path / "a"]
    listed = subprocess.run(command, check=True, capture_output=True)
    assert listed.stdout.decode().splitlines() == names
    assert listed.stderr == b""


@pytest.mark.parametrize(
    ("archive_format", "program"), [(ArchiveFormat.TAR_GZ, "gzip"), (ArchiveFormat.TAR_ZST, "zstd")]
)
def test_compressors_test_it(tmp_path: Path, archive_format: ArchiveFormat, program: str) -> None:
    """`gzip -t` and `zstd -t` find nothing wrong, and both give the plain bytes whose SHA-256 is returned."""
    needs(program)
    snapshot = write_files(tmp_path / "source", {DATA: os.urandom(2 * MIB) * 3})
    destination = tmp_path / f"users_backup.{archive_format}"
    stored = archive(snapshot, destination, archive_format)
    subprocess.run([program, "-q", "-t", destination], check=True)
    plain = subprocess.run([program, "-d", "-c", destination], check=True, capture_output=True).stdout
    assert (len(plain), sha256(plain)) == (stored.plain_size_bytes, stored.plain_sha256)


def test_sha256sum_agrees(tmp_path: Path) -> None:
    """`sha256sum -c` passes with the hash that is returned."""
    needs("sha256sum")
    stored = archive(write_files(tmp_path / "source", {"a": b"content"}), tmp_path / "a.tar.gz", ArchiveFormat.TAR_GZ)
    (tmp_path / "SHA256SUMS").write_text(f"{stored.sha256}  {stored.name}\n")
    subprocess.run(["sha256sum", "--strict", "--status", "-c", "SHA256SUMS"], cwd=tmp_path, check=True)


MEASURED = """
import sys, boto3, cassandra.cluster
from pathlib import Path
from backup_core.archive import ArchiveFormat
from backup_core.model import SourceFile
from tests.archive_samples import archive, snapshot_of
source, destination, archive_format = Path(sys.argv[1]), Path(sys.argv[2]), ArchiveFormat(sys.argv[3])
files = tuple(SourceFile(path.name, path.stat().st_size) for path in source.iterdir())
archive(snapshot_of(source, files), destination, archive_format)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize("archive_format", [ArchiveFormat.TAR_GZ, ArchiveFormat.TAR_ZST])
def test_memory_is_bounded(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """A process that has both clients loaded stays under 180 MiB while it archives 200 MiB."""
    block = os.urandom(8 * MIB)
    (tmp_path / "source").mkdir()
    with (tmp_path / "source" / DATA).open("wb") as file:
        for _ in range(25):
            file.write(block)
    command = [sys.executable, "-c", MEASURED, tmp_path / "source", tmp_path / "archive", archive_format]
    result = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=50
    )
    assert int(result.stdout) < 180 * 1024
