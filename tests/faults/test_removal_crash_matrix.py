import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NotFoundError
from backup_core.repository.listing import BackupStatus
from backup_core.repository.verification import DEEP
from tests.faults.removal_crashes import HELD_TAG, forgetting, holding, pruning
from tests.repository_backups import USERS, names, opened, publish, repository
from tests.retention_cases import NOW, publish_small


TAGS = (HELD_TAG, "1733320000", "1733330000")
LEGACY_TAG = "legacy-1600000000"


def template(path: Path, data: Path) -> Path:
    """A repository with three backups of ours, each of them whole, and one of the predecessor's."""
    target = opened(path / "template")
    for tag in TAGS:
        publish(target, data, tag=tag, views=1)
    left = target.path / "users" / LEGACY_TAG
    left.mkdir()
    (left / "users_backup.tar.gz").write_bytes(b"rows")
    return target.path


def crashes(tmp_path: Path, action: str) -> list[Path]:
    """What each killed process has left, in the order of their deaths."""
    (tmp_path / "cases").mkdir()
    made = template(tmp_path, tmp_path / "data")
    command = [sys.executable, "-m", "tests.faults.removal_crashes", made, tmp_path / "cases", action]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)
    return sorted((tmp_path / "cases").iterdir(), key=lambda path: int(path.name))


def whole_backups(case: Path) -> list[str]:
    """Tags of ours that are listed, oldest first, each having passed a verification of all its bytes."""
    target = repository(case)
    own = [one for one in target.backups() if one.tag != LEGACY_TAG]
    for one in own:
        assert one.status is BackupStatus.COMPLETE, case
        target.verify(one, depth=DEEP, on_progress=lambda _done_bytes: None, cancel=CancelToken())
    return [one.tag for one in reversed(own)]


def assert_links_lead_to(case: Path, tag: str) -> None:
    """Whether each link of the table leads into this backup."""
    links = [path for path in (case / "users").iterdir() if path.is_symlink()]
    assert {path.name for path in links} == {
        "latest",
        "table_schema.cql",
        "materialized_view_1.cql",
        "users_backup.tar.gz",
    }
    assert all(tag in path.resolve(strict=True).parts for path in links)


@pytest.mark.timeout(180)
def test_pruning_survives_a_crash_at_any_point(tmp_path: Path) -> None:
    """Killed before any operation, a prune has removed each backup wholly from the list or not at all."""
    listed = []
    for case in crashes(tmp_path, "prune"):
        listed.append(whole_backups(case))
        assert_links_lead_to(case, TAGS[-1])
        pruning(opened(case))
        assert whole_backups(case) == [TAGS[-1]]
        assert_links_lead_to(case, TAGS[-1])
        assert names(case) == {"~repository.json", "users"}
        assert names(case / "users") >= {TAGS[-1], LEGACY_TAG}
    assert listed[0] == list(TAGS)
    assert listed == sorted(listed, key=len, reverse=True)
    assert {len(tags) for tags in listed} == {1, 2, 3}
    assert len(listed) > 30


@pytest.mark.timeout(180)
def test_forgetting_survives_a_crash_at_any_point(tmp_path: Path) -> None:
    """Killed before any operation, what is listed is whole and so is what links lead to, and the next try ends it."""
    cases = crashes(tmp_path, "forget")
    for case in cases:
        left = whole_backups(case)
        assert left == list(TAGS[len(TAGS) - len(left) :])
        latest = case / "users/latest"
        assert not latest.is_symlink() or latest.resolve(strict=True).name in left
        repository(case).mend()
        if left:
            assert_links_lead_to(case, left[-1])
        try:
            forgetting(opened(case))
        except NotFoundError:
            assert not left
        opened(case).clear_up()
        assert names(case) <= {"~repository.json", "users"}
        assert list(case.glob("users/*")) == []
        publish_small(opened(case), USERS, TAGS[0], NOW - timedelta(days=1))
        assert whole_listing(case) == [TAGS[0]]
    assert len(cases) > 30


@pytest.mark.timeout(180)
def test_holding_survives_a_crash_at_any_point(tmp_path: Path) -> None:
    """Killed before any operation, a hold is there and can be read, or isn't there, and can be placed."""
    held = []
    for case in crashes(tmp_path, "hold"):
        assert whole_backups(case) == list(TAGS)
        hold = repository(case).find("users", HELD_TAG).hold
        held.append(hold is not None)
        assert hold is None or hold.held_by == "alice"
        holding(opened(case))
        pruning(opened(case))
        assert whole_backups(case) == [HELD_TAG, TAGS[-1]]
        assert names(case) == {"~repository.json", "users"}
    assert held == sorted(held)
    assert set(held) == {False, True}


def whole_listing(case: Path) -> list[str]:
    """Tags that are listed."""
    return [one.tag for one in repository(case).backups()]
