import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup_core.errors import ManifestError, NotFoundError
from backup_core.model import Table
from backup_core.repository.listing import BackupStatus
from tests.repository_backups import TABLE_ID, TAG, opened, publish, published, repository


def edit(path: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Change a JSON file as an operator with an editor would."""
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content, indent=1))


def truncate(path: Path) -> None:
    """Cut the last byte off."""
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "archive deleted": (lambda at: (at / "users_backup.tar.gz").unlink(), "archive missing: users_backup.tar.gz"),
    "archive truncated": (lambda at: truncate(at / "users_backup.tar.gz"), "archive has"),
    "manifest truncated": (lambda at: truncate(at / "manifest.json"), "manifest.json isn't the one"),
    "summary deleted": (lambda at: (at / "summary.json").unlink(), "summary.json is missing"),
    "summary emptied": (lambda at: (at / "summary.json").write_bytes(b""), "summary.json can't be read"),
    "summary no object": (lambda at: (at / "summary.json").write_bytes(b"[]"), "summary.json can't be read"),
    "summary not UTF-8": (lambda at: (at / "summary.json").write_bytes(b"\xff\xfe{"), "summary.json can't be read"),
    "summary of another": (lambda at: edit(at / "summary.json", lambda c: c.update(tag="1")), "that of users/1"),
    "summary without a key": (lambda at: edit(at / "summary.json", lambda c: c.pop("archive")), "can't be read"),
    "summary of wrong type": (lambda at: edit(at / "summary.json", lambda c: c.update(file_count="5")), "file_count"),
    "summary with a naive time": (
        lambda at: edit(at / "summary.json", lambda c: c.update(nominal_at="2024-12-04T11:50:18")),
        "offset",
    ),
    "summary leads out": (
        lambda at: edit(at / "summary.json", lambda c: c.update(archive="../../x")),
        "names '../../x' as its archive",
    ),
    "newer summary": (lambda at: edit(at / "summary.json", lambda c: c.update(format_version=2)), "format version 2"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_backups_are_never_listed_as_good(tmp_path: Path, damage: str) -> None:
    """A backup that has lost something is listed as damaged, with what is wrong; its neighbours stay complete."""
    target = opened(tmp_path / "backups")
    hit = publish(target, tmp_path / "data")
    publish(target, tmp_path / "data", tag="1733313099")
    act, problem = DAMAGES[damage]
    act(Path(hit.location))
    newer, older = target.backups("users")
    assert (newer.tag, newer.status) == ("1733313099", BackupStatus.COMPLETE)
    assert (older.tag, older.status) == (TAG, BackupStatus.DAMAGED)
    assert problem in older.problem
    assert target.find("users").tag == "1733313099"


def test_fields_that_a_newer_release_has_added_do_no_harm(tmp_path: Path) -> None:
    """A summary of the same format version with more in it than is known here is read."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    edit(location / "summary.json", lambda content: content.update(mood="good"))
    assert target.backups()[0].status is BackupStatus.COMPLETE


def test_what_has_no_manifest_is_no_backup(tmp_path: Path) -> None:
    """Without its manifest a directory is debris: never listed, whatever else is in it."""
    target = opened(tmp_path / "backups")
    (published(target, tmp_path / "data") / "manifest.json").unlink()
    assert target.backups() == ()


def test_a_manifest_is_checked_against_its_summary(tmp_path: Path) -> None:
    """A manifest that was edited to something of the same size isn't believed."""
    target = opened(tmp_path / "backups")
    path = published(target, tmp_path / "data") / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"6.2.3"', b'"6.2.4"'))
    (listing,) = target.backups()
    with pytest.raises(ManifestError, match=r"manifest\.json isn't the one that summary\.json was made from"):
        target.manifest(listing)


def test_backups_are_listed_newest_first_and_tables_by_name(tmp_path: Path) -> None:
    """The order of a list is that of names, then of snapshots from the newest on."""
    target = opened(tmp_path / "backups")
    for name in ("users", "Orders", "orders"):
        for tag in ("1733313018", "999999999", "1733313019"):
            publish(target, tmp_path / "data", Table(name, TABLE_ID), tag)
    assert [(listing.table, listing.tag) for listing in target.backups()] == [
        (name, tag) for name in ("Orders", "orders", "users") for tag in ("1733313019", "1733313018", "999999999")
    ]


def test_unknown_things_are_not_listed(tmp_path: Path) -> None:
    """Files, links and directories that no backup of ours has made are passed over, and stay."""
    target = opened(tmp_path / "backups")
    stored = publish(target, tmp_path / "data")
    (tmp_path / "backups/lost+found").mkdir()
    (tmp_path / "backups/notes.txt").touch()
    (tmp_path / "backups/~other").mkdir()
    (tmp_path / "backups/linked").symlink_to("users")
    (tmp_path / "backups/users/1733313099").symlink_to(TAG)
    (tmp_path / "backups/users/scripts").mkdir()
    assert [listing.location for listing in target.backups()] == [stored.location]


def test_a_repository_that_was_copied_elsewhere_can_be_read(tmp_path: Path) -> None:
    """A copy is listed from its own place, without a node and without being written to."""
    publish(opened(tmp_path / "backups"), tmp_path / "data")
    shutil.copytree(tmp_path / "backups", tmp_path / "copy", symlinks=True)
    copy = repository(tmp_path / "copy")
    marker = copy.open_read_only()
    assert marker is not None
    assert marker.cluster == "Test Cluster"
    (listing,) = copy.backups()
    assert listing.location == str(tmp_path / "copy/users" / TAG)


def test_finding_names_what_is_close(tmp_path: Path) -> None:
    """A wrong table or tag gives the nearest ones."""
    target = opened(tmp_path / "backups")
    for tag in ("1733313018", "1733313099", "1733399999", "1733900000"):
        publish(target, tmp_path / "data", tag=tag)
    with pytest.raises(NotFoundError, match=r"no backup of a table 'user' in local. Close to it: users\."):
        target.find("user")
    with pytest.raises(NotFoundError, match="See what there is"):
        target.find("/etc/passwd")
    with pytest.raises(NotFoundError, match=r"users/1733399990 .* Nearest: 1733399999, 1733313099, 1733313018\."):
        target.find("users", "1733399990")
    with pytest.raises(NotFoundError, match="Nearest: 1733900000"):
        target.find("users", "yesterday")


def test_the_newest_backup_is_the_newest_complete_one(tmp_path: Path) -> None:
    """Without a tag the newest complete backup is found, and a damaged one only where there is no other."""
    target = opened(tmp_path / "backups")
    for tag in ("1733313018", "1733313099"):
        publish(target, tmp_path / "data", tag=tag)
    (tmp_path / "backups/users/1733313099/users_backup.tar.gz").unlink()
    assert target.find("users").tag == "1733313018"
    (tmp_path / "backups/users/1733313018/users_backup.tar.gz").unlink()
    assert target.find("users").tag == "1733313099"


def test_a_damaged_backup_without_summary_has_the_time_of_its_tag(tmp_path: Path) -> None:
    """What nothing else tells is taken from the tag, and what can't be known is None."""
    target = opened(tmp_path / "backups")
    (published(target, tmp_path / "data") / "summary.json").unlink()
    (listing,) = target.backups()
    assert listing.snapshot_at == datetime(2024, 12, 4, 11, 50, 18, tzinfo=UTC)
    assert (listing.id, listing.nominal_at, listing.plain_size_bytes) == (None, None, None)


def test_lists_do_without_the_manifests_models(tmp_path: Path) -> None:
    """Listing imports neither pydantic nor a compressor: `list` has half a second in all."""
    publish(opened(tmp_path / "backups"), tmp_path / "data")
    script = """
import sys
from pathlib import Path
from backup_core.clock import SystemClock
from backup_core.events import SilentReporter
from backup_core.repository.local import LocalRepository
path, reporter, clock = Path(sys.argv[1]), SilentReporter(), SystemClock()
target = LocalRepository("local", path, archive_format=None, reporter=reporter, clock=clock)
target.open_read_only()
assert [str(listing.status) for listing in target.backups()] == ["complete"]
assert not {"pydantic", "isal", "backports.zstd"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "backups")], check=True)
