import subprocess
import sys
from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.verification import DEEP
from tests.faults.repository_crashes import CRASHING_TAG
from tests.repository_backups import names, opened, publish, repository


OLD_TAG = "1733310000"
NEXT_TAG = "1733330000"
LEGACY_AT = 1733000000
LEGACY_FILES = {"table_schema.cql", "materialized_view_1.cql", "README.txt", "users_backup.tar.gz"}


def crashes(tmp_path: Path, template: Path) -> list[Path]:
    """What each killed process has left, in the order of their deaths."""
    (tmp_path / "cases").mkdir()
    subprocess.run(
        [sys.executable, "-m", "tests.faults.repository_crashes", template, tmp_path / "cases", tmp_path / "data"],
        cwd=Path(__file__).parents[2],
        check=True,
    )
    return sorted((tmp_path / "cases").iterdir(), key=lambda path: int(path.name))


def leave_predecessors_files(directory: Path) -> None:
    """What the predecessor has written, all of it in one second."""
    directory.mkdir(parents=True)
    for name in LEGACY_FILES:
        (directory / name).write_text(f"predecessor's {name}")
    for name in LEGACY_FILES:
        subprocess.run(["touch", "-d", f"@{LEGACY_AT}", directory / name], check=True)


def verify_all(case: Path) -> dict[str, BackupStatus]:
    """Status of each backup, every complete one having passed a verification of all its bytes."""
    target = repository(case)
    listings: tuple[BackupListing, ...] = target.backups()
    for listing in listings:
        if listing.status is BackupStatus.COMPLETE:
            target.verify(listing, depth=DEEP, on_progress=lambda _done_bytes: None, cancel=CancelToken())
    assert len({listing.tag for listing in listings}) == len(listings)
    return {listing.tag: listing.status for listing in listings}


def publish_the_next(case: Path, data: Path) -> None:
    """What the next run does after a crash."""
    target = opened(case)
    target.clear_up()
    publish(target, data, tag=NEXT_TAG, views=2)


def assert_links_lead_to(case: Path, tag: str, expected: set[str]) -> None:
    """Whether the table has exactly these links, and each leads to its file in the backup."""
    links = {path.name for path in (case / "users").iterdir() if path.is_symlink()}
    assert links == {"latest", *expected}
    for name in expected:
        assert (case / "users" / name).resolve(strict=True) == case / "users" / tag / name


@pytest.mark.timeout(180)
def test_publishing_survives_a_crash_at_any_point(tmp_path: Path) -> None:
    """Killed before any operation, a publication is there entirely or not at all, and the next one mends the rest."""
    publish(opened(tmp_path / "template"), tmp_path / "old", tag=OLD_TAG, views=3)
    cases = crashes(tmp_path, tmp_path / "template")
    published = []
    for case in cases:
        found = verify_all(case)
        assert found.pop(OLD_TAG) is BackupStatus.COMPLETE
        assert found in ({}, {CRASHING_TAG: BackupStatus.COMPLETE}), case
        published.append(bool(found))
        assert (case / "users/latest").resolve(strict=True).name in {OLD_TAG, CRASHING_TAG}
        if found:
            repository(case).mend()
            views = {"materialized_view_1.cql"}
            assert_links_lead_to(case, CRASHING_TAG, {"table_schema.cql", "users_backup.tar.zst"} | views)
        publish_the_next(case, tmp_path / "next" / case.name)
        assert set(verify_all(case).values()) == {BackupStatus.COMPLETE}
        views = {"materialized_view_1.cql", "materialized_view_2.cql"}
        assert_links_lead_to(case, NEXT_TAG, {"table_schema.cql", "users_backup.tar.gz"} | views)
        assert names(case) == {"~repository.json", "users"}
    assert published == sorted(published)
    assert published[0] is False
    assert len(cases) > 30


@pytest.mark.timeout(180)
def test_first_use_and_adoption_survive_a_crash_at_any_point(tmp_path: Path) -> None:
    """Killed before any operation of the first backup, nothing that the predecessor left is lost or unlisted."""
    leave_predecessors_files(tmp_path / "template/users")
    legacy_tag = f"legacy-{LEGACY_AT}"
    for case in crashes(tmp_path, tmp_path / "template"):
        found = verify_all(case)
        assert found.pop(legacy_tag) is BackupStatus.UNVERIFIED, case
        assert found in ({}, {CRASHING_TAG: BackupStatus.COMPLETE}), case
        publish_the_next(case, tmp_path / "next" / case.name)
        after = verify_all(case)
        assert after == {legacy_tag: BackupStatus.UNVERIFIED, NEXT_TAG: BackupStatus.COMPLETE} | found
        moved = case / "users" / legacy_tag
        assert {path.name: path.read_text() for path in moved.iterdir()} == {
            name: f"predecessor's {name}" for name in LEGACY_FILES
        }
        assert names(case) == {"~repository.json", "users"}
