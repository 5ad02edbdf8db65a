import hashlib
import json
import stat
import subprocess
from pathlib import Path

import pytest

from backup_core.archive import ArchiveFormat
from backup_core.errors import IntegrityError, StorageError
from backup_core.model import Table
from backup_core.repository.listing import BackupStatus
from tests.repository_backups import (
    HOST_ID,
    TABLE_ID,
    TAG,
    USERS,
    FixedClock,
    fill,
    finished,
    names,
    opened,
    publish,
    published,
    snapshot,
    staged,
)


HOSTILE_NAMES = ["...", ".hidden", "-dash", "a" * 222, "Foo", "foo", "Game.Scores-2024", "users_backup.tar.gz"]


def test_published_backup_has_the_layout_of_the_design(tmp_path: Path) -> None:
    """A backup is one directory with the archive, the schema, checksums, a README, a summary and the manifest."""
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data", views=2)
    assert names(tmp_path / "backups") == {"~repository.json", "users"}
    assert names(tmp_path / "backups/users") == {
        TAG,
        "latest",
        "table_schema.cql",
        "materialized_view_1.cql",
        "materialized_view_2.cql",
        "users_backup.tar.gz",
    }
    assert names(tmp_path / "backups/users" / TAG) == {
        "manifest.json",
        "summary.json",
        "SHA256SUMS",
        "README.txt",
        "alternator_schema.json",
        "table_schema.cql",
        "materialized_view_1.cql",
        "materialized_view_2.cql",
        "users_backup.tar.gz",
    }


def test_only_the_owner_may_read_a_repository(tmp_path: Path) -> None:
    """Directories are 0700 and files 0600, whatever the process's umask lets others do."""
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data", views=1)
    for path in (tmp_path / "backups", *(tmp_path / "backups").rglob("*")):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_what_publish_returns_is_what_is_listed(tmp_path: Path) -> None:
    """The stored backup, its listing and the disk agree on place, times and sizes."""
    repository = opened(tmp_path / "backups")
    stored = publish(repository, tmp_path / "data")
    (listing,) = repository.backups()
    assert listing.status is BackupStatus.COMPLETE
    assert (listing.table, listing.id, listing.tag, listing.problem) == ("users", TABLE_ID, TAG, "")
    assert listing.location == stored.location == str(tmp_path / "backups/users" / TAG)
    assert listing.snapshot_at == stored.snapshot_at == listing.nominal_at
    assert listing.plain_size_bytes == stored.plain_size_bytes
    on_disk = sum(path.stat().st_size for path in Path(stored.location).iterdir() if path.name != "summary.json")
    assert listing.size_bytes == stored.size_bytes == on_disk
    assert listing.verified.structure is not None
    assert listing.verified.restored is None


def test_manifest_tells_everything_about_the_backup(tmp_path: Path) -> None:
    """The manifest on disk names tool, node, ring, times, every other file and every file in the archive."""
    repository = opened(tmp_path / "backups")
    location = published(repository, tmp_path / "data")
    manifest = json.loads((location / "manifest.json").read_bytes())
    assert manifest["format_version"] == 1
    assert manifest["tool"]["name"] == "alternator-backup"
    assert manifest["table"] == {"name": "users", "keyspace": "alternator_users", "id": TABLE_ID}
    assert manifest["node"]["host_id"] == HOST_ID
    assert manifest["node"]["peers_down"] is None
    assert manifest["ring"]["tablets"] is False
    assert manifest["ring"]["ranges"][0] == {"start": "-9187", "end": "42", "endpoints": ["127.0.0.1"]}
    assert manifest["times"]["snapshot_started_at"] == "2024-12-04T11:50:18.000000Z"
    assert manifest["times"]["run_finished_at"] == "2024-12-04T11:50:30.000005Z"
    assert manifest["verified"]["stored"] is None
    objects = {stored["name"]: stored for stored in manifest["objects"]}
    assert set(objects) == names(location) - {"manifest.json", "summary.json"}
    for name, stored in objects.items():
        content = (location / name).read_bytes()
        assert (stored["stored_size_bytes"], stored["stored_sha256"]) == (
            len(content),
            hashlib.sha256(content).hexdigest(),
        )
    assert [stored["role"] for stored in manifest["objects"]].count("archive") == 1
    assert objects["users_backup.tar.gz"]["compression"] == "gzip"
    assert {file["name"] for file in manifest["files"]} >= {"manifest.json", "schema.cql"}
    assert repository.manifest(repository.find("users")).to_json() == (location / "manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "archive_format"),
    [
        *((name, ArchiveFormat.TAR_GZ) for name in HOSTILE_NAMES),
        ("a" * 222, ArchiveFormat.TAR_ZST),
        ("...", ArchiveFormat.TAR),
    ],
)
def test_any_name_that_alternator_takes_can_be_published(
    tmp_path: Path, name: str, archive_format: ArchiveFormat
) -> None:
    """Odd table names are stored, listed and found, and coreutils check them without our tool."""
    repository = opened(tmp_path / "backups", archive_format=archive_format)
    location = published(repository, tmp_path / "data", Table(name, TABLE_ID))
    assert [listing.table for listing in repository.backups()] == [name]
    assert repository.find(name).status is BackupStatus.COMPLETE
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=location, check=True, capture_output=True)
    latest = tmp_path / "backups" / name / f"{name}_backup.{archive_format.value}"
    assert latest.resolve() == location / latest.name
    subprocess.run(["tar", "-tf", f"./{latest.name}"], cwd=location, check=True, capture_output=True)


def test_names_that_differ_in_case_are_different_tables(tmp_path: Path) -> None:
    """`Foo` and `foo` have a backup each, even under one tag."""
    repository = opened(tmp_path / "backups")
    for name in ("Foo", "foo"):
        publish(repository, tmp_path / "data", Table(name, TABLE_ID))
    assert [listing.table for listing in repository.backups()] == ["Foo", "foo"]
    assert [listing.table for listing in repository.backups("foo")] == ["foo"]


@pytest.mark.parametrize(
    ("table", "tag"),
    [
        (Table("..", TABLE_ID), TAG),
        (Table("a/../../b", TABLE_ID), TAG),
        (Table("~tmp-users", TABLE_ID), TAG),
        (Table("users\n", TABLE_ID), TAG),
        (Table("", TABLE_ID), TAG),
        (USERS, "../1733313018"),
        (USERS, "legacy-1733313018"),
        (USERS, "01733313018"),
        (USERS, "\u0661\u0667\u0663\u0663"),
        (Table("users", "../../x"), TAG),
    ],
)
def test_names_that_are_no_names_are_refused(tmp_path: Path, table: Table, tag: str) -> None:
    """A name, id or tag that could lead out of the repository is refused before it becomes a path."""
    repository = opened(tmp_path / "backups")
    with pytest.raises(StorageError, match="can't be the"), staged(repository, table, tag):
        pytest.fail("staged")
    assert names(tmp_path / "backups") == {"~repository.json"}


def test_a_tag_is_never_published_twice(tmp_path: Path) -> None:
    """A second backup under a tag is refused from the start, and the first stays as it was."""
    repository = opened(tmp_path / "backups")
    location = published(repository, tmp_path / "data")
    before = (location / "manifest.json").read_bytes()
    with pytest.raises(StorageError, match=r"users/1733313018 exists already"), staged(repository, USERS, TAG):
        pytest.fail("staged")
    assert (location / "manifest.json").read_bytes() == before


def test_the_loser_of_a_race_for_a_tag_leaves_nothing(tmp_path: Path) -> None:
    """Of two backups staged under one tag the second to publish is refused, and its files are removed."""
    repository = opened(tmp_path / "backups")
    source = snapshot(tmp_path / "data")
    with staged(repository, USERS, TAG) as slow:
        facts = fill(slow, source)
        with staged(repository, USERS, TAG) as fast:
            finished(repository, fast, fill(fast, source))
        with pytest.raises(StorageError, match="exists already"):
            finished(repository, slow, facts)
    assert names(tmp_path / "backups") == {"~repository.json", "users"}
    assert [listing.status for listing in repository.backups()] == [BackupStatus.COMPLETE]


def test_staging_that_is_left_without_publishing_is_removed(tmp_path: Path) -> None:
    """Whatever ends a backup, nothing of it stays, not even its table's directory."""
    repository = opened(tmp_path / "backups")

    def interrupted() -> None:
        with staged(repository, USERS, TAG) as staging:
            staging.archive.write_bytes(b"half")
            assert any(name.startswith(f"~tmp-{TAG}-{TABLE_ID}-") for name in names(tmp_path / "backups"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path / "backups") == {"~repository.json"}
    assert repository.backups() == ()


def test_an_archive_that_changed_before_publication_is_refused(tmp_path: Path) -> None:
    """A staged archive with another size than was written is not published."""
    repository = opened(tmp_path / "backups")
    with staged(repository, USERS, TAG) as staging:
        facts = fill(staging, snapshot(tmp_path / "data"))
        staging.archive.write_bytes(b"short")
        with pytest.raises(IntegrityError, match="isn't there with its"):
            finished(repository, staging, facts)
    assert repository.backups() == ()


def test_facts_of_another_snapshot_are_refused(tmp_path: Path) -> None:
    """A backup can't get the manifest of another one."""
    repository = opened(tmp_path / "backups")
    with staged(repository, USERS, "1733313019") as staging:
        facts = fill(staging, snapshot(tmp_path / "data"))
        with pytest.raises(IntegrityError, match="was made for users/1733313019"):
            finished(repository, staging, facts)


@pytest.mark.parametrize("place", ["users", f"users/{TAG}", "users/latest", "users/table_schema.cql"])
def test_planted_links_are_not_followed(tmp_path: Path, place: str) -> None:
    """A link in a place of ours that isn't ours is refused before any work, and what it leads to is left alone."""
    repository = opened(tmp_path / "backups")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    planted = tmp_path / "backups" / place
    planted.parent.mkdir(exist_ok=True)
    planted.symlink_to(elsewhere)
    with pytest.raises(StorageError) as refused, staged(repository, USERS, TAG):
        pytest.fail("staged")
    assert str(planted) in refused.value.message or "exists already" in refused.value.message
    assert refused.value.hint
    assert names(elsewhere) == set()
    assert repository.backups() == ()


def test_a_repository_may_itself_be_a_link(tmp_path: Path) -> None:
    """An operator may let the repository's path be a symbolic link to another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "backups").symlink_to(tmp_path / "disk")
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data")
    assert (tmp_path / "disk/users" / TAG / "manifest.json").exists()


def test_tags_in_use_are_those_that_no_backup_can_take(tmp_path: Path) -> None:
    """`tags` names all tags of a table that are taken, of damaged backups and stray directories too."""
    repository = opened(tmp_path / "backups")
    assert repository.tags("users") == set()
    (published(repository, tmp_path / "data") / "manifest.json").unlink()
    (tmp_path / "backups/users/1733313019").mkdir()
    (tmp_path / "backups/users/notes").mkdir()
    assert repository.tags("users") == {TAG, "1733313019"}


def test_clock_of_the_run_is_the_one_that_was_passed_in(tmp_path: Path) -> None:
    """The marker and the manifest take their times from the given clock."""
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data")
    assert repository.manifest(repository.find("users")).times.run_finished_at == FixedClock().now()
    marker = json.loads((tmp_path / "backups/~repository.json").read_bytes())
    assert marker["created_at"] == "2024-12-04T11:50:30.000005Z"
