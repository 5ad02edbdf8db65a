"""Staging, `upload/` and whose files are in them: nothing is written through a link, nothing of others is touched."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.errors import BackupError, PermissionDeniedError, SettingsError, SourceError
from backup_core.identity import Owner, acting_as
from backup_core.model import SourceFile, SSTable
from backup_core.restore.batches import batches, plan_load
from backup_core.restore.directories import open_directory
from backup_core.restore.staging import restore_staging
from backup_core.restore.upload import Upload, opened_upload
from tests.archive_samples import NOBODY, TABLE, reachable_directory, without_rights
from tests.load_samples import LINKS, contents_of, write_sstables
from tests.repository_backups import RecordingReporter


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def upload_of(data: Path) -> Path:
    """The `upload/` of the table, made."""
    path = data / TABLE.keyspace / TABLE.directory_name / "upload"
    path.mkdir(parents=True)
    return path


def identity() -> tuple[object, ...]:
    """Who this process is."""
    return os.getresuid(), os.getresgid(), os.getgroups()


def test_toc_goes_in_last(tmp_path: Path) -> None:
    """The node deletes an SSTable without TOC.txt: it is linked after all others of its SSTable, and goes first."""
    upload, sstables = upload_of(tmp_path / "data"), write_sstables(tmp_path / "staging")
    with (
        opened_upload((tmp_path / "data",), TABLE) as target,
        open_directory(tmp_path / "staging") as staging,
        LINKS.listened() as linked,
    ):
        placed = target.place(staging, sstables)
        assert contents_of(upload) == contents_of(tmp_path / "staging")
        placed.remove()
    assert [name for name in linked if name.endswith("TOC.txt")] == [linked[3], linked[7]]
    assert contents_of(upload) == {}
    assert len(contents_of(tmp_path / "staging")) == 8


def test_only_what_was_placed_is_removed(tmp_path: Path) -> None:
    """What the node has taken is gone; what has taken a name since, and what others have put there, stays."""
    upload, sstables = upload_of(tmp_path / "data"), write_sstables(tmp_path / "staging")
    with opened_upload((tmp_path / "data",), TABLE) as target, open_directory(tmp_path / "staging") as staging:
        placed = target.place(staging, sstables)
        first, second, third, *others = sorted(contents_of(upload))
        (upload / first).unlink()
        (upload / second).unlink()
        (upload / second).write_bytes(b"somebody else's")
        (upload / third).unlink()
        (upload / third).symlink_to(tmp_path / "staging")
        (upload / "foreign").write_bytes(b"1")
        assert sorted(placed.left()) == others
        placed.remove()
    assert {path.name for path in upload.iterdir()} == {second, third, "foreign"}
    assert len(contents_of(tmp_path / "staging")) == 8


def test_a_name_that_is_taken_ends_it(tmp_path: Path) -> None:
    """Where somebody has put a file of that name into `upload/` meanwhile, nothing of ours stays there."""
    upload, sstables = upload_of(tmp_path / "data"), write_sstables(tmp_path / "staging")
    taken = sstables[1].components[1].name
    (upload / taken).write_bytes(b"theirs")
    with opened_upload((tmp_path / "data",), TABLE) as target, open_directory(tmp_path / "staging") as staging:
        with pytest.raises(SourceError, match="isn't empty"):
            target.refuse_if_occupied()
        with pytest.raises(SourceError, match=f"{taken}: File exists"):
            target.place(staging, sstables)
    assert contents_of(upload) == {taken: b"theirs"}


@pytest.mark.parametrize("planted", ["link", "other-file"])
def test_staged_files_that_were_exchanged(tmp_path: Path, planted: str) -> None:
    """A link or another file in place of a staged one is not placed."""
    upload, sstables = upload_of(tmp_path / "data"), write_sstables(tmp_path / "staging")
    exchanged = tmp_path / "staging" / sstables[0].components[0].name
    exchanged.unlink()
    if planted == "link":
        exchanged.symlink_to("/etc/passwd")
    else:
        exchanged.write_bytes(b"1")
    with (
        opened_upload((tmp_path / "data",), TABLE) as target,
        open_directory(tmp_path / "staging") as staging,
        pytest.raises(SourceError, match="isn't the file that was staged"),
    ):
        target.place(staging, sstables)
    assert contents_of(upload) == {}


@pytest.mark.parametrize("part", ["keyspace", "table", "upload"])
@pytest.mark.parametrize("planted", ["link", "file"])
def test_links_on_the_way_to_upload(tmp_path: Path, part: str, planted: str) -> None:
    """A link or a file anywhere between data directory and `upload/` is refused, and nothing is placed behind it."""
    upload = upload_of(tmp_path / "data")
    replaced = {"upload": upload, "table": upload.parent, "keyspace": upload.parents[1]}[part]
    replaced.rename(tmp_path / "elsewhere")
    if planted == "link":
        replaced.symlink_to(tmp_path / "elsewhere")
    else:
        replaced.write_bytes(b"")
    refused = pytest.raises(SourceError, match=f"{replaced} is a symbolic link, or no directory")
    with refused, opened_upload((tmp_path / "data",), TABLE):
        raise AssertionError
    assert list((tmp_path / "elsewhere").rglob("*.db")) == []


def test_upload_in_the_second_data_directory(tmp_path: Path) -> None:
    """The data directory that has the table counts; where none has, the error says where it was looked for."""
    (tmp_path / "first").mkdir()
    upload = upload_of(tmp_path / "second")
    with opened_upload((tmp_path / "first", tmp_path / "second"), TABLE) as target:
        assert target.directory.path == upload
    with pytest.raises(SourceError, match="No such file") as caught, opened_upload((tmp_path / "first",), TABLE):
        raise AssertionError
    assert "node.data_dirs" in caught.value.hint


@as_root
def test_files_belong_to_the_datas_owner() -> None:
    """Root works as the owner of the data: what it stages and places belongs to that user, and root is root again."""
    before = identity()
    with reachable_directory() as area:
        data = area / "data"
        upload = upload_of(data)
        for path in (upload, *upload.parents[:4]):
            os.chown(path, NOBODY, NOBODY)
        with restore_staging(area / "staging", data, RecordingReporter()) as staging:
            assert identity() == before
            with acting_as(staging.owner, staging.path):
                assert (os.geteuid(), os.getegid()) == (NOBODY, NOBODY)
                assert 0 not in os.getgroups()
                sstables = write_sstables(staging.path)
            with opened_upload((data,), TABLE) as target:
                placed = target.place(staging, sstables)
                assert {path.stat().st_uid for path in upload.iterdir()} == {NOBODY}
                placed.remove()
        assert identity() == before
        assert list((area / "staging").iterdir()) == []


@as_root
def test_files_of_another_user_are_not_placed(tmp_path: Path) -> None:
    """The node takes only its own user's files: others are refused before it fails on them."""
    upload, sstables = upload_of(tmp_path / "data"), write_sstables(tmp_path / "staging")
    os.chown(upload, 1, 1)
    tmp_path.chmod(0o711)
    (tmp_path / "staging" / sstables[0].components[0].name).chmod(0o666)
    with (
        open_directory(upload) as directory,
        open_directory(tmp_path / "staging") as staging,
        pytest.raises(BackupError),
    ):
        Upload(directory).place(staging, sstables)
    assert contents_of(upload) == {}


@as_root
def test_who_is_neither_root_nor_owner() -> None:
    """Anybody else is told who has to do it, before anything is done."""
    refused = pytest.raises(PermissionDeniedError, match="belongs to root")
    with without_rights(), refused as caught, acting_as(Owner(0, 0), Path("/var/lib/scylla")):
        raise AssertionError
    assert "as root" in caught.value.hint


@as_root
def test_an_error_gives_the_identity_back() -> None:
    """Whatever ends the block, root is root again, in all its groups."""
    before = identity()
    with pytest.raises(ZeroDivisionError), acting_as(Owner(NOBODY, NOBODY), Path("/")):
        raise ZeroDivisionError
    assert identity() == before


HOLDER = """
import sys, time
from pathlib import Path
from backup_core.events import SilentReporter
from backup_core.restore.staging import restore_staging
with restore_staging(Path(sys.argv[1]), Path(sys.argv[2]), SilentReporter()) as staging:
    (staging.path / "file").write_bytes(b"1")
    print(staging.path.name, flush=True)
    sys.stdin.read()
"""


def test_what_dead_restores_left_is_removed(tmp_path: Path) -> None:
    """A killed restore's directory goes with the next one, and that is told; a living one's and foreign files stay."""
    (tmp_path / "data").mkdir()
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "staging"), str(tmp_path / "data")]
    holders = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    names = [holder.stdout.readline().strip() for holder in holders if holder.stdout]
    holders[0].kill()
    holders[0].communicate()
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_bytes(b"precious")
    (tmp_path / "staging" / "planted").symlink_to(tmp_path / "victim")
    (tmp_path / "staging" / names[0] / "planted").symlink_to(tmp_path / "victim")
    reporter = RecordingReporter()
    with restore_staging(tmp_path / "staging", tmp_path / "data", reporter) as own:
        assert own.names() == ()
        left = {path.name for path in (tmp_path / "staging").iterdir()}
        assert left == {names[1], own.path.name, "planted"}
    assert [fields["directory"] for _, fields in reporter.events] == [str(tmp_path / "staging" / names[0])]
    holders[1].communicate("")
    assert {path.name for path in (tmp_path / "staging").iterdir()} == {"planted"}
    assert contents_of(tmp_path / "victim") == {"file": b"precious"}


def test_two_restores_that_began_at_once_got_in_each_others_way(tmp_path: Path) -> None:
    """Whichever of them makes the staging directory, each has a directory of its own in it."""
    (tmp_path / "data").mkdir()

    def stage(_: int) -> str:
        with restore_staging(tmp_path / "staging", tmp_path / "data", RecordingReporter()) as own:
            return own.path.name

    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            assert len(set(pool.map(stage, range(8)))) == 8
            (tmp_path / "staging").rmdir()


def test_staging_that_is_a_link(tmp_path: Path) -> None:
    """A link in place of the staging directory is refused: it may lead anywhere."""
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "staging").symlink_to(tmp_path / "elsewhere")
    refused = pytest.raises(SourceError, match="symbolic link")
    with refused, restore_staging(tmp_path / "staging", tmp_path / "data", RecordingReporter()):
        raise AssertionError
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_staging_that_is_exchanged_midway(tmp_path: Path) -> None:
    """A staging directory that is moved away under our hands is the one that is written to and emptied all the same."""
    (tmp_path / "data").mkdir()
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_bytes(b"precious")
    with restore_staging(tmp_path / "staging", tmp_path / "data", RecordingReporter()) as own:
        own.path.rename(tmp_path / "staging" / "moved")
        own.path.symlink_to(tmp_path / "victim")
        os.close(own.create("file2"))
        assert (tmp_path / "staging" / "moved" / "file2").exists()
    assert contents_of(tmp_path / "victim") == {"file": b"precious"}


def test_staging_on_another_file_system(tmp_path: Path) -> None:
    """Files can't be linked from another file system: that is a matter of settings."""
    elsewhere = Path("/dev/shm")  # noqa: S108  (another file system, where there is one)
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev or not os.access(elsewhere, os.W_OK):
        pytest.skip("there is no other file system to write to")
    (tmp_path / "data").mkdir()
    path = elsewhere / f"alternator-backup-{os.getpid()}"
    refused = pytest.raises(SettingsError, match="another file system")
    with refused, restore_staging(path, tmp_path / "data", RecordingReporter()):
        raise AssertionError
    assert not path.exists()


SSTABLES = st.lists(st.integers(0, 1000), max_size=30).map(
    lambda sizes: tuple(SSTable(f"me-{i}-big", (SourceFile("Data.db", size),)) for i, size in enumerate(sizes))
)


@given(SSTABLES, st.integers(0, 40_000), st.none() | st.integers(1, 20))
def test_batches_fit_the_space(sstables: tuple[SSTable, ...], available_bytes: int, nodes: int | None) -> None:
    """Every SSTable is in one batch, in order; what is staged and what the node has written of it never exceed it."""
    plan = plan_load(sstables, available_bytes, nodes=nodes)
    cut = batches(sstables, plan.batch_bytes)
    assert tuple(sstable for batch in cut for sstable in batch) == sstables
    assert all(cut)
    if plan.needed_bytes > available_bytes:
        return
    share = min(1.0, 3 / (nodes or 1))
    total_bytes = sum(sstable.size_bytes for sstable in sstables)
    loaded_bytes, staged_bytes = 0.0, total_bytes if plan.stages_all else 0
    for batch in cut:
        size_bytes = sum(sstable.size_bytes for sstable in batch)
        loaded_bytes += size_bytes * share
        assert loaded_bytes + (staged_bytes if plan.stages_all else size_bytes) <= available_bytes + 1
        staged_bytes -= size_bytes
