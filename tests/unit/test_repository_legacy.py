import io
import os
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError, RunCancelledError
from backup_core.events import LEGACY_ADOPTED
from backup_core.repository import legacy
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.local import LocalRepository
from backup_core.repository.verification import DEEP, SHALLOW
from tests.repository_backups import TAG, RecordingReporter, names, opened, publish, repository


MADE_AT = 1733000000


def predecessor(directory: Path, *, made_at: int = MADE_AT, content: bytes = b"rows" * 10_000) -> set[str]:
    """What the predecessor's script leaves of a table, with the README that it tells its users to write."""
    directory.mkdir(parents=True, exist_ok=True)
    archive = directory / f"{directory.name}_backup.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("./me-1-big-Data.db")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    for name in ("table_schema.cql", "materialized_view_1.cql", "README.txt"):
        (directory / name).write_text(f"{name} of {made_at}")
        os.utime(directory / name, (made_at - 5, made_at - 5))
    os.utime(archive, (made_at, made_at))
    return {"table_schema.cql", "materialized_view_1.cql", "README.txt", archive.name}


def verify(target: LocalRepository, listing: BackupListing, *, deep: bool) -> None:
    """Verify a backup that nobody watches."""
    target.verify(listing, depth=DEEP if deep else SHALLOW, on_progress=lambda _done_bytes: None, cancel=CancelToken())


def test_predecessors_files_are_listed_where_they_are(tmp_path: Path) -> None:
    """A directory that only the predecessor has written to can be read, is listed as unverified and isn't changed."""
    left = predecessor(tmp_path / "backups/users")
    target = repository(tmp_path / "backups")
    assert target.open_read_only() is None
    (listing,) = target.backups()
    assert (listing.table, listing.tag, listing.id) == ("users", f"legacy-{MADE_AT}", None)
    assert listing.status is BackupStatus.UNVERIFIED
    assert listing.location == str(tmp_path / "backups/users")
    assert listing.size_bytes == sum((tmp_path / "backups/users" / name).stat().st_size for name in left)
    assert names(tmp_path / "backups") == {"users"}
    assert names(tmp_path / "backups/users") == left


def test_predecessors_files_move_before_links_take_their_places(tmp_path: Path) -> None:
    """The first backup of ours moves them to a directory of their own, loses none, and says so."""
    left = predecessor(tmp_path / "backups/users")
    contents = {name: (tmp_path / "backups/users" / name).read_bytes() for name in left}
    reporter = RecordingReporter()
    target = opened(tmp_path / "backups", reporter=reporter)
    publish(target, tmp_path / "data", reporter=reporter)
    moved = tmp_path / f"backups/users/legacy-{MADE_AT}"
    assert {path.name: path.read_bytes() for path in moved.iterdir()} == contents
    assert (LEGACY_ADOPTED, {"table": "users", "tag": f"legacy-{MADE_AT}"}) in reporter.events
    assert [(listing.tag, listing.status) for listing in target.backups()] == [
        (TAG, BackupStatus.COMPLETE),
        (f"legacy-{MADE_AT}", BackupStatus.UNVERIFIED),
    ]
    assert (tmp_path / "backups/users/table_schema.cql").read_text() == "CREATE TABLE ...;"
    assert target.find("users", f"legacy-{MADE_AT}").location == str(moved)


def test_mending_links_leaves_tables_alone_that_only_the_predecessor_knows(tmp_path: Path) -> None:
    """As long as we have no backup of a table, the predecessor's files stay in their places."""
    left = predecessor(tmp_path / "backups/users")
    target = opened(tmp_path / "backups")
    target.mend()
    assert names(tmp_path / "backups/users") == left


def test_a_taken_second_gives_the_next_free_one(tmp_path: Path) -> None:
    """Two archives of the predecessor with the same time are both kept."""
    directory = tmp_path / "users"
    for expected in (MADE_AT, MADE_AT + 1, MADE_AT + 2):
        predecessor(directory, content=str(expected).encode())
        assert legacy.adopt(directory) == f"legacy-{expected}"
    assert [found.tag for found in legacy.find(directory)] == [f"legacy-{MADE_AT + second}" for second in range(3)]


@pytest.mark.parametrize("moves", [0, 1, 2, 3])
def test_adoption_goes_on_where_a_crash_has_ended_it(tmp_path: Path, moves: int) -> None:
    """After a crash between two moves there is one legacy backup, with all its files once the move has ended."""
    directory = tmp_path / "backups/users"
    left = predecessor(directory)
    crashed = directory / f"legacy-{MADE_AT}"
    crashed.mkdir()
    for name in sorted(left, key=lambda name: (directory / name).stat().st_mtime)[:moves]:
        (directory / name).rename(crashed / name)
    assert [listing.tag for listing in repository(tmp_path / "backups").backups()] == [f"legacy-{MADE_AT}"]
    assert legacy.adopt(directory) == f"legacy-{MADE_AT}"
    assert names(directory) == {f"legacy-{MADE_AT}"}
    assert names(crashed) == left


def test_schema_files_alone_are_no_backup(tmp_path: Path) -> None:
    """Where cron has deleted the predecessor's archive, what is left is listed as damaged."""
    predecessor(tmp_path / "backups/users")
    (tmp_path / "backups/users/users_backup.tar.gz").unlink()
    target = repository(tmp_path / "backups")
    (listing,) = target.backups()
    assert (listing.status, listing.problem) == (BackupStatus.DAMAGED, "archive missing")
    with pytest.raises(IntegrityError, match="missing"):
        verify(target, listing, deep=False)


def test_files_that_the_predecessor_never_wrote_are_left_alone(tmp_path: Path) -> None:
    """Notes and directories in a table's directory are neither listed nor moved."""
    directory = tmp_path / "backups/users"
    directory.mkdir(parents=True)
    (directory / "notes.txt").write_text("ours")
    (directory / "old").mkdir()
    target = opened(tmp_path / "backups")
    assert target.backups() == ()
    publish(target, tmp_path / "data")
    assert (directory / "notes.txt").read_text() == "ours"
    assert (directory / "old").is_dir()


def test_deep_verification_reads_the_predecessors_archive(tmp_path: Path) -> None:
    """An archive of the predecessor that unpacks passes, and stays unverified."""
    predecessor(tmp_path / "backups/users")
    target = repository(tmp_path / "backups")
    (listing,) = target.backups()
    heard: list[int] = []
    result = target.verify(listing, depth=DEEP, on_progress=heard.append, cancel=CancelToken())
    size_bytes = (tmp_path / "backups/users/users_backup.tar.gz").stat().st_size
    assert (result.deep, result.size_bytes, heard[-1]) == (True, size_bytes, size_bytes)
    assert target.backups()[0].status is BackupStatus.UNVERIFIED


@settings(max_examples=60)
@given(place=st.integers(0, 2**32), bit=st.integers(0, 7), cut=st.booleans())
def test_deep_verification_notices_each_damage_of_the_predecessors_archive(
    tmp_path_factory: pytest.TempPathFactory, *, place: int, bit: int, cut: bool
) -> None:
    """An archive that is cut, or has a flipped bit behind the gzip header, doesn't pass."""
    root = tmp_path_factory.mktemp("backups")
    predecessor(root / "users", content=b"".join(sha256(bytes([number])).digest() for number in range(100)))
    archive = root / "users/users_backup.tar.gz"
    content = bytearray(archive.read_bytes())
    header_bytes = content.index(b"\0", 10) + 1
    place = header_bytes + place % (len(content) - header_bytes)
    content[place] ^= 1 << bit
    archive.write_bytes(content[:place] if cut else content)
    target = repository(root)
    with pytest.raises(IntegrityError, match=r"users/legacy-.*users_backup\.tar\.gz"):
        verify(target, target.backups()[0], deep=True)


def test_deep_verification_of_the_predecessors_archive_can_be_cancelled(tmp_path: Path) -> None:
    """A signal stops the reading."""
    predecessor(tmp_path / "backups/users")
    target = repository(tmp_path / "backups")
    cancel = CancelToken()
    cancel.set(130)
    with pytest.raises(RunCancelledError):
        target.verify(target.backups()[0], depth=DEEP, on_progress=lambda _done_bytes: None, cancel=cancel)
