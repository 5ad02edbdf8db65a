from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError
from backup_core.lock import TableLocks
from backup_core.repository.listing import BackupStatus
from backup_core.repository.local import LocalRepository
from backup_core.repository.pruning import prune
from backup_core.repository.retention import Policies, Policy
from backup_core.repository.verification import DEEP
from tests.repository_backups import USERS, RecordingReporter, opened, publish, published
from tests.retention_cases import NOW


OLDEST, GOOD, NEWEST = "1733000000", "1733000001", "1733000002"


def verify_deep(target: LocalRepository, tag: str) -> None:
    """Read every byte of a backup."""
    listing = target.find("users", tag)
    target.verify(listing, depth=DEEP, on_progress=lambda _done_bytes: None, cancel=CancelToken())


def statuses(target: LocalRepository) -> dict[str, BackupStatus]:
    """What the list says of each backup."""
    return {listing.tag: listing.status for listing in target.backups()}


def test_a_backup_with_damage_inside_cost_the_last_good_one_its_place(tmp_path: Path) -> None:
    """Once a deep verification has found it, it isn't counted any more, until all of it is found to be right again."""
    target = opened(tmp_path / "backups")
    for tag in (OLDEST, GOOD, NEWEST):
        publish(target, tmp_path / tag, USERS, tag)
    archive = Path(target.find("users", NEWEST).location, "users_backup.tar.gz")
    content = archive.read_bytes()
    archive.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    with pytest.raises(IntegrityError):
        verify_deep(target, NEWEST)

    policies = Policies(Policy(keep_last=1))
    prune(target, policies, NOW, TableLocks(tmp_path / "locks"), reporter=RecordingReporter(), cancel=CancelToken())
    assert statuses(target) == {NEWEST: BackupStatus.DAMAGED, GOOD: BackupStatus.COMPLETE}
    assert "users_backup.tar.gz is damaged" in target.find("users", NEWEST).problem
    assert target.find("users").tag == GOOD

    archive.write_bytes(content)
    verify_deep(target, NEWEST)
    assert statuses(target) == dict.fromkeys((NEWEST, GOOD), BackupStatus.COMPLETE)


def test_damage_that_cannot_be_written_down_is_told_all_the_same(tmp_path: Path) -> None:
    """The error then says, too, that retention will not know of it."""
    target = opened(tmp_path / "backups")
    location = published(target, tmp_path / "data")
    readme = location / "README.txt"
    readme.write_bytes(readme.read_bytes().swapcase())
    listing = target.find("users")
    (location / "damage.json").mkdir()
    with pytest.raises(IntegrityError) as caught:
        target.verify(listing, depth=DEEP, on_progress=lambda _done_bytes: None, cancel=CancelToken())
    assert "README.txt has another content" in str(caught.value)
    assert "could not be written down" in str(caught.value)
    assert len(caught.value.context["problems"]) == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"found_at": 1, "problem": ""}'])
def test_what_is_known_to_be_damaged_stays_so_whatever_its_file_says(tmp_path: Path, content: str) -> None:
    """A broken note is a note."""
    target = opened(tmp_path / "backups")
    (published(target, tmp_path / "data") / "damage.json").write_text(content)
    listing = target.find("users")
    assert (listing.status, listing.problem) == (BackupStatus.DAMAGED, "damage.json can't be read")
