import json
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NotFoundError
from backup_core.repository.holds import Hold, place_hold, release_hold
from backup_core.repository.removal import remove_backup
from backup_core.repository.verification import DEEP
from tests.repository_backups import TAG, names, opened, published


HOLD = Hold("alice", datetime(2026, 11, 20, 1, 2, 3, 4, UTC), "before the migration")


def test_a_hold_is_listed_until_it_is_released(tmp_path: Path) -> None:
    """The list says who holds a backup, since when and why; and no longer, once it is released."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    assert place_hold(target.path, location, HOLD) == HOLD
    assert target.find("users").hold == HOLD
    assert str(HOLD) == "held by alice since 2026-11-20: before the migration"
    assert release_hold(location) == HOLD
    assert target.find("users").hold is None
    assert release_hold(location) is None


def test_a_hold_changes_nothing_of_the_backup(tmp_path: Path) -> None:
    """A held backup passes every check, ours and `sha256sum -c`, and none of its files was touched."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in location.iterdir()}
    place_hold(target.path, location, HOLD)
    assert stat.S_IMODE((location / "hold.json").stat().st_mode) == 0o600
    target.verify(target.find("users"), depth=DEEP, on_progress=lambda _done_bytes: None, cancel=CancelToken())
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=location, check=True, capture_output=True)
    release_hold(location)
    (location / "verified.json").unlink()
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in location.iterdir()} == before
    assert names(target.path) == {"~repository.json", "users"}


def test_the_first_hold_stays(tmp_path: Path) -> None:
    """Who holds a backup that is held already is told by whom, and doesn't take the place."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    place_hold(target.path, location, HOLD)
    assert place_hold(target.path, location, Hold("bob", HOLD.held_at)) == HOLD
    assert target.find("users").hold == HOLD


def test_a_damaged_backup_can_be_held(tmp_path: Path) -> None:
    """A hold is listed of a backup that has lost its archive, or its summary."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    place_hold(target.path, location, HOLD)
    for name in ("users_backup.tar.gz", "summary.json"):
        (location / name).unlink()
        assert target.find("users").hold == HOLD


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", json.dumps({"held_by": "bob"}).encode()])
def test_a_hold_that_cannot_be_read_holds_all_the_same(tmp_path: Path, content: bytes) -> None:
    """Whatever `hold.json` holds, the backup stays until it is released."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    (location / "hold.json").write_bytes(content)
    assert "can't be read" in str(target.find("users").hold)
    assert not remove_backup(target.path, location)
    release_hold(location)
    assert remove_backup(target.path, location)


def test_a_held_backup_is_not_removed(tmp_path: Path) -> None:
    """A hold that was placed after a backup was chosen to go still saves it, whole and in its place."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    before = names(location)
    place_hold(target.path, location, HOLD)
    assert not remove_backup(target.path, location)
    assert names(location) == before | {"hold.json"}
    assert names(target.path) == {"~repository.json", "users"}


def test_a_backup_that_is_gone_can_be_neither_held_nor_removed(tmp_path: Path) -> None:
    """Who comes too late for a backup is told so, and leaves nothing behind."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    assert remove_backup(target.path, location)
    assert not remove_backup(target.path, location)
    with pytest.raises(NotFoundError, match=f"users/{TAG} has just been removed"):
        place_hold(target.path, location, HOLD)
    assert names(target.path) == {"~repository.json", "users"}
