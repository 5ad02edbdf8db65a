"""Is a snapshot whole? On copies of recorded ones."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup_core import verify_snapshot
from backup_core.errors import SourceError
from backup_core.model import Snapshot, Table
from backup_core.snapshot import read_snapshot


RECORDED = Path(__file__).parent.parent / "data"
SNAPSHOTS = sorted(path for path in RECORDED.glob("*/data/*/*/snapshots/*") if ":" not in path.parts[-3])
WHEN = datetime(2026, 11, 22, tzinfo=UTC)


def read(directory: Path) -> Snapshot:
    """A recorded snapshot, as it was taken."""
    recorded = next(path for path in SNAPSHOTS if path.parts[-3] == directory.parts[-1])
    name, _, table_id = recorded.parts[-3].rpartition("-")
    return read_snapshot(Table(name, table_id), recorded.name, directory, started_at=WHEN, finished_at=WHEN)


@pytest.fixture(params=["scylla-6.2.3", "scylla-2026.1.12"])
def users(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a recorded snapshot of `users`."""
    (recorded,) = (path for path in SNAPSHOTS if request.param in path.parts and path.parts[-3].startswith("users-"))
    copy = tmp_path / recorded.parts[-3]
    shutil.copytree(recorded, copy)
    return copy


@pytest.mark.parametrize("recorded", SNAPSHOTS, ids=lambda path: f"{path.parts[-6]}/{path.parts[-3]}")
def test_recorded_snapshots_are_whole(recorded: Path) -> None:
    """Real snapshots of both manifest formats pass, each Data.db with the digest that it has to have."""
    name, _, table_id = recorded.parts[-3].rpartition("-")
    snapshot = read_snapshot(Table(name, table_id), recorded.name, recorded, started_at=WHEN, finished_at=WHEN)
    verified = verify_snapshot(snapshot)
    data = [file for file in verified.files if file.name.endswith("-Data.db")]
    assert len(data) == len(verified.sstables)
    for file in data:
        digest = recorded / file.name.replace("-Data.db", "-Digest.crc32")
        assert file.crc32 == int(digest.read_text())
    assert {path.name for path in recorded.iterdir()} == {file.name for file in verified.files}


@pytest.mark.parametrize("component", ["Data.db", "Digest.crc32", "Scylla.db", "Summary.db", "TOC.txt"])
def test_a_missing_component_is_named(users: Path, component: str) -> None:
    """An SSTable without one of the components that its TOC names is refused by that component's name."""
    gone = min(users.glob(f"*-{component}"))
    gone.unlink()
    with pytest.raises(SourceError, match=gone.name):
        verify_snapshot(read(users))


def test_an_sstable_that_the_manifest_names_is_missed(users: Path) -> None:
    """An SSTable that is gone with all its files is missed, since the manifest names it."""
    prefix = min(users.glob("*-TOC.txt")).name.removesuffix("-TOC.txt")
    for path in users.glob(f"{prefix}*"):
        path.unlink()
    with pytest.raises(SourceError, match=prefix):
        verify_snapshot(read(users))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": [1]}', '{"sstables": [{}]}', '"files"'])
def test_a_manifest_that_is_none_is_refused(users: Path, content: str) -> None:
    """A manifest that can't be read as one is an error, never an empty table."""
    (users / "manifest.json").write_text(content)
    with pytest.raises(SourceError, match="manifest"):
        verify_snapshot(read(users))


def test_without_a_manifest_it_isnt_finished(users: Path) -> None:
    """The node writes the manifest last: without it the snapshot isn't finished."""
    (users / "manifest.json").unlink()
    with pytest.raises(SourceError, match="isn't finished"):
        verify_snapshot(read(users))


def test_a_digest_that_is_no_number_is_refused(users: Path) -> None:
    """A digest that is no decimal number is told with its file."""
    digest = min(users.glob("*-Digest.crc32"))
    digest.write_text("deadbeef")
    with pytest.raises(SourceError, match=digest.name):
        verify_snapshot(read(users))


@pytest.mark.parametrize("kept", ["", "TOC.txt\n", "Data.db\nTOC.txt\n", "Data.db\nDigest.crc32\nTOC.txt\n"])
def test_a_toc_that_is_cut_off_hides_nothing(users: Path, kept: str) -> None:
    """An empty or shortened TOC.txt is an error, with the components that it hides there or gone."""
    toc = min(users.glob("*-TOC.txt"))
    toc.write_text(kept)
    prefix = toc.name.removesuffix("-TOC.txt")
    with pytest.raises(SourceError, match=prefix):
        verify_snapshot(read(users))


def test_an_sstable_that_the_manifest_does_not_name_is_told(users: Path) -> None:
    """SSTables beside a manifest that names none of them are an error."""
    (users / "manifest.json").write_text('{"files": []}')
    with pytest.raises(SourceError, match="doesn't name"):
        verify_snapshot(read(users))
