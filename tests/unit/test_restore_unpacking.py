"""From archives to staged files: what is right comes out byte for byte, whatever isn't is named and nothing counts."""

import dataclasses
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_core.archive import ArchiveFormat
from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError, RunCancelledError, SourceError
from backup_core.model import StoredFile
from backup_core.restore.directories import open_directory
from backup_core.restore.source_archive import SourceArchive
from backup_core.restore.unpacking import unpack
from tests.archive_samples import MIB, RECORDED_SNAPSHOTS, archive, every_format, recorded_snapshot, sha256
from tests.load_samples import (
    PREFIXES,
    SCHEMA,
    contents_of,
    legacy_archive,
    legacy_members,
    member,
    own_archive,
    snapshot_files,
    sstable_files,
    unpacked,
)


DATA = f"{PREFIXES[0]}-Data.db"
TOC = f"{PREFIXES[0]}-TOC.txt"
DIGEST = f"{PREFIXES[0]}-Digest.crc32"


@every_format
def test_files_come_out_as_they_went_in(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    """Every file has its bytes, and the SSTables are told with sizes and the CRC-32 of each Data.db."""
    files = snapshot_files()
    found = unpacked(own_archive(tmp_path, files, archive_format), tmp_path / "staging")
    assert contents_of(tmp_path / "staging") == files
    assert [sstable.prefix for sstable in found.sstables] == list(PREFIXES)
    assert sum(sstable.size_bytes for sstable in found.sstables) == sum(
        len(content) for name, content in files.items() if "-big-" in name
    )


@pytest.mark.parametrize("directory", RECORDED_SNAPSHOTS[::9], ids=lambda path: path.parent.parent.name)
def test_recorded_sstables_come_out(tmp_path: Path, directory: Path) -> None:
    """A recorded snapshot of a real node is unpacked; what doesn't fit the table that it should be of is refused."""
    stored = archive(recorded_snapshot(directory), tmp_path / "archive", ArchiveFormat.TAR_ZST)
    name = directory.parents[2].name.removeprefix("alternator_")
    source = SourceArchive(tmp_path / "archive", ArchiveFormat.TAR_ZST, name, stored)
    if directory.parents[1].name.rpartition("-")[0] == name:
        unpacked(source, tmp_path / "staging")
        assert contents_of(tmp_path / "staging") == contents_of(directory)
    else:
        with pytest.raises(IntegrityError, match="its SSTables are of"):
            unpacked(source, tmp_path / "staging")


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_the_predecessors_archives_come_out(tmp_path: Path, tar_format: int) -> None:
    """What any tar has written the predecessor's way comes out without its `./`, long names and odd times included."""
    files = snapshot_files() | sstable_files(f"me-{'7' * 90}-big") if tar_format != tarfile.USTAR_FORMAT else {}
    files |= snapshot_files()
    members = legacy_members(files)
    for info, _ in members:
        info.mtime = 1733313018.5 if tar_format == tarfile.PAX_FORMAT else 1733313018
        info.uname = "scylla"
    unpacked(legacy_archive(tmp_path / "archive", members, tar_format), tmp_path / "staging")
    assert contents_of(tmp_path / "staging") == files


@pytest.mark.skipif(shutil.which("tar") is None, reason="tar is not installed")
def test_the_predecessors_own_command(tmp_path: Path) -> None:
    """An archive of the very command that the predecessor calls comes out."""
    (tmp_path / "snapshot").mkdir()
    for name, content in snapshot_files().items():
        (tmp_path / "snapshot" / name).write_bytes(content)
    path = tmp_path / "users_backup.tar.gz"
    subprocess.run(["tar", "czf", path, "-C", tmp_path / "snapshot", "."], check=True)
    source = SourceArchive(path, ArchiveFormat.TAR_GZ, "users", None, is_legacy=True)
    assert unpacked(source, tmp_path / "staging").sstables
    assert contents_of(tmp_path / "staging") == snapshot_files()


def changed(files: dict[str, bytes], name: str, content: bytes | None) -> dict[str, bytes]:
    """Files with one that is other than it should be, or isn't there."""
    found = files | {name: content or b""}
    if content is None:
        del found[name]
    return found


WRONG = {
    "no-toc": (TOC, None, f"lacks {TOC}"),
    "cut-toc": (TOC, b"Data.db\n", "it is cut off"),
    "no-data": (DATA, None, f"lacks {DATA}"),
    "no-filter": (f"{PREFIXES[0]}-Filter.db", None, "which belongs to an SSTable"),
    "unlisted": (f"{PREFIXES[0]}-Index.db", b"1", "which isn't in its TOC.txt"),
    "other-data": (DATA, b"other", r"-Data.db' has CRC-32 \d+, its Digest.crc32 says"),
    "bad-digest": (DIGEST, b"abc", "no CRC-32"),
    "huge-digest": (DIGEST, b"1" * (2 * MIB), "too much for such a file"),
    "foreign": ("notes.txt", b"1", "is no file of an SSTable"),
    "temporary": (f"{PREFIXES[0]}-TOC.txt.tmp", b"1", "is no file of an SSTable"),
    "format": ("la-1-big-Data.db", b"1", "is no file of an SSTable"),
    "view": ("schema.cql", SCHEMA.replace(b"TABLE", b"MATERIALIZED VIEW"), "are of materialized view 'users'"),
    "log": ("schema.cql", SCHEMA.replace(b".users ", b".users_scylla_cdc_log "), "'users_scylla_cdc_log'"),
    "paxos": ("schema.cql", SCHEMA.replace(b".users ", b'."users$paxos" '), r"'users\$paxos'"),
    "other-table": ("schema.cql", SCHEMA.replace(b"users", b"orders"), "are of table 'orders'"),
}


@pytest.mark.parametrize(("name", "content", "words"), WRONG.values(), ids=WRONG)
def test_without_a_manifest_every_sstable_has_to_be_whole(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    """What the node would refuse, or delete without a word, is found before: incomplete, damaged, or not a table's."""
    files = changed(snapshot_files(), name, content)
    with pytest.raises(IntegrityError, match=words) as caught:
        unpacked(legacy_archive(tmp_path / "archive", legacy_members(files)), tmp_path / "staging")
    assert str(tmp_path / "archive") in str(caught.value)


@pytest.mark.parametrize("case", ["no-toc", "other-data", "foreign", "view"])
def test_with_a_manifest_as_well(tmp_path: Path, case: str) -> None:
    """A manifest that agrees with an incomplete snapshot doesn't make it complete."""
    name, content, words = WRONG[case]
    with pytest.raises(IntegrityError, match=words):
        unpacked(own_archive(tmp_path, changed(snapshot_files(), name, content)), tmp_path / "staging")


NAMES = st.sampled_from(
    [
        "../outside",
        "/etc/passwd",
        "./../outside",
        "a/b",
        "..",
        ".",
        "./",
        "",
        "./a\nb",
        "TOC.txt",
        DATA,
        f"./{DATA}",
        TOC,
    ]
)
KINDS = st.sampled_from([bytes([kind]) for kind in b"0123456LxgSDK\0"])


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(NAMES, KINDS, st.binary(max_size=600)), max_size=6))
def test_no_tar_writes_outside(members: list[tuple[str, bytes, bytes]]) -> None:
    """Whatever members a tar has, it is refused, or plain files of SSTables come out; outside nothing changes."""
    with TemporaryDirectory() as directory:
        path = Path(directory)
        hostile = [member(name, content, kind) for name, kind, content in members]
        source = legacy_archive(path / "archive", hostile, tarfile.USTAR_FORMAT)
        # No list of these makes a whole SSTable: what isn't refused has nothing in it.
        if members and not all((name, kind) == ("./", b"5") and not content for name, kind, content in members):
            with pytest.raises(IntegrityError, match="archive"):
                unpacked(source, path / "staging")
        else:
            assert unpacked(source, path / "staging").sstables == ()
        assert all(each.is_file() and not each.is_symlink() for each in (path / "staging").iterdir())
        assert {each.name for each in path.iterdir()} == {"archive", "staging"}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_flipped_bit_comes_through(data: st.DataObject) -> None:
    """A bit flipped anywhere in an archive of ours is found, in whatever format it is."""
    archive_format = data.draw(st.sampled_from(ArchiveFormat))
    with TemporaryDirectory() as directory:
        source = own_archive(Path(directory), snapshot_files(), archive_format)
        content = bytearray(source.path.read_bytes())
        position = data.draw(st.integers(0, len(content) * 8 - 1))
        content[position // 8] ^= 1 << position % 8
        source.path.write_bytes(content)
        with pytest.raises(IntegrityError):
            unpacked(source, Path(directory) / "staging")


LIES = {
    "size": lambda stored: {"size_bytes": stored.size_bytes + 1},
    "sha256": lambda _: {"sha256": sha256(b"")},
    "plain-size": lambda stored: {"plain_size_bytes": stored.plain_size_bytes + 512},
    "plain-sha256": lambda _: {"plain_sha256": sha256(b"")},
    "missing": lambda stored: {"files": (*stored.files, StoredFile("me-9-big-TOC.txt", 1, sha256(b"1")))},
    "not-put-in": lambda stored: {"files": stored.files[1:]},
    "file-size": lambda stored: {"files": (dataclasses.replace(stored.files[0], size_bytes=1), *stored.files[1:])},
    "file-sha256": lambda stored: {"files": (dataclasses.replace(stored.files[0], sha256="0" * 64), *stored.files[1:])},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
@pytest.mark.parametrize("archive_format", [ArchiveFormat.TAR_GZ, ArchiveFormat.TAR_ZST])
def test_numbers_that_lie(tmp_path: Path, archive_format: ArchiveFormat, lie: object) -> None:
    """An archive that differs from any of its recorded sizes and SHA-256 is refused."""
    source = own_archive(tmp_path, snapshot_files(), archive_format)
    assert source.expected is not None
    assert callable(lie)
    wrong = dataclasses.replace(source, expected=dataclasses.replace(source.expected, **lie(source.expected)))
    with pytest.raises(IntegrityError, match="is damaged"):
        unpacked(wrong, tmp_path / "staging")


def test_bombs_are_left_early(tmp_path: Path) -> None:
    """A small archive that grows beyond the space there is ends as soon as it has outgrown that."""
    bomb = legacy_archive(tmp_path / "archive", legacy_members({DATA: bytes(64 * MIB)}))
    assert bomb.path.stat().st_size < MIB
    with pytest.raises(IntegrityError, match="holds more than"):
        unpacked(bomb, tmp_path / "staging", most_bytes=2 * MIB)
    assert (tmp_path / "staging" / DATA).stat().st_size <= 4 * MIB


def test_sizes_beyond_all_bounds(tmp_path: Path) -> None:
    """Neither a header's size nor that of an extension makes anybody reserve memory, or is believed."""
    for number, headers in enumerate(({"size": "9" * 14}, {"comment": "x" * (1 << 17)}, {"size": "-1"})):
        info, content = member(f"./{DATA}", b"1")
        info.pax_headers = headers
        source = legacy_archive(tmp_path / f"archive{number}", [(info, content)], tarfile.PAX_FORMAT)
        with pytest.raises(IntegrityError, match="is damaged"):
            unpacked(source, tmp_path / f"staging{number}")


@pytest.mark.parametrize("planted", ["link", "dangling", "file"])
def test_planted_names_are_not_written_through(tmp_path: Path, planted: str) -> None:
    """Where somebody has put a link with the name of a file to come, nothing is written, there or elsewhere."""
    source = own_archive(tmp_path, snapshot_files())
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "staging").mkdir()
    target = tmp_path / "staging" / DATA
    match planted:
        case "link":
            target.symlink_to(tmp_path / "victim")
        case "dangling":
            target.symlink_to(tmp_path / "new")
        case _:
            target.hardlink_to(tmp_path / "victim")
    with open_directory(tmp_path / "staging") as directory, pytest.raises(SourceError, match=DATA):
        unpack(source, directory, wanted=lambda _: True, most_bytes=0, on_progress=lambda _: None, cancel=CancelToken())
    assert (tmp_path / "victim").read_bytes() == b"precious"
    assert not (tmp_path / "new").exists()


def test_cancelled(tmp_path: Path) -> None:
    """A cancelled pass ends at the next block."""
    source, cancel = own_archive(tmp_path, snapshot_files()), CancelToken()
    cancel.set(143)
    with pytest.raises(RunCancelledError):
        unpack(source, None, wanted=lambda _: True, most_bytes=0, on_progress=lambda _: None, cancel=cancel)
