"""`export-archive`: a backup as plain files, or nothing."""

from pathlib import Path

import pytest

from backup_core.archive import ArchiveFormat
from tests.conftest import Cli
from tests.load_samples import contents_of, legacy_archive, legacy_members, snapshot_files
from tests.repository_backups import TAG, opened, publish, snapshot


pytestmark = pytest.mark.usefixtures("settings_file")


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """Settings with a repository and no node."""
    path = tmp_path / "settings.toml"
    path.write_text(f'[repository.local]\npath = "{tmp_path / "backups"}"\nallow_same_disk = true\n')
    return path


@pytest.mark.parametrize("archive_format", [ArchiveFormat.TAR_GZ, ArchiveFormat.TAR_ZST])
def test_plain_files(tmp_path: Path, cli: Cli, archive_format: ArchiveFormat) -> None:
    """Every file of the snapshot is in the directory that was asked for, which may be there if it is empty."""
    publish(opened(tmp_path / "backups", archive_format=archive_format), tmp_path / "data")
    files = contents_of(snapshot(tmp_path / "same").directory)
    (tmp_path / "there").mkdir()
    for name in ("there", "new"):
        result = cli("export-archive", "users", TAG, name)
        assert result.returncode == 0, result.stderr
        assert contents_of(tmp_path / name) == files
        assert "5 files of users/1733313018" in result.stderr


def test_the_predecessors_backup(tmp_path: Path, cli: Cli) -> None:
    """What the predecessor left is unpacked, and checked as far as its SSTables tell what they should be."""
    (tmp_path / "backups" / "users").mkdir(parents=True)
    archive = legacy_archive(tmp_path / "backups/users/users_backup.tar.gz", legacy_members(snapshot_files()))
    tag = f"legacy-{int(archive.path.stat().st_mtime)}"
    result = cli("export-archive", "users", tag, "out")
    assert result.returncode == 0, result.stderr
    assert contents_of(tmp_path / "out") == snapshot_files()
    assert "every Data.db has its CRC-32" in result.stderr


def test_a_damaged_backup(tmp_path: Path, cli: Cli) -> None:
    """One wrong byte: 1 with one line, and the directory is as it was."""
    publish(opened(tmp_path / "backups"), tmp_path / "data")
    archive = tmp_path / "backups" / "users" / TAG / "users_backup.tar.gz"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    (tmp_path / "there").mkdir()
    for name in ("there", "new"):
        result = cli("export-archive", "users", TAG, name)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1
        assert "is damaged" in result.stderr
    assert contents_of(tmp_path / "there") == {}
    assert not (tmp_path / "new").exists()


def test_where_it_can_not_go(tmp_path: Path, cli: Cli) -> None:
    """A directory with anything in it, a file, or one whose parent isn't there: 1, and nothing is changed."""
    publish(opened(tmp_path / "backups"), tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_bytes(b"1")
    for name, words in (
        ("full", "full isn't empty: mine"),
        ("full/mine", "no directory"),
        ("no/such", "No such file or directory"),
    ):
        result = cli("export-archive", "users", TAG, name)
        assert result.returncode == 1
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert contents_of(tmp_path / "full") == {"mine": b"1"}


def test_a_backup_that_is_not_there(tmp_path: Path, cli: Cli) -> None:
    """10, and the nearest tags are named."""
    publish(opened(tmp_path / "backups"), tmp_path / "data")
    result = cli("export-archive", "users", "1733313019", "out")
    assert result.returncode == 10
    assert "Nearest: 1733313018" in result.stderr
    assert not (tmp_path / "out").exists()
