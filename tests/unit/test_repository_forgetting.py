from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from backup_core.errors import NotFoundError, StorageError
from backup_core.events import BACKUP_REMOVED
from backup_core.repository.forgetting import forget, forgettable
from backup_core.repository.holds import Hold, place_hold
from backup_core.repository.local import LocalRepository
from tests.repository_backups import USERS, RecordingReporter, names, opened
from tests.retention_cases import IDS, NOW, publish_small


FORMER = replace(USERS, id=IDS[2])


def two_lives(path: Path) -> LocalRepository:
    """A repository with a table that was dropped and made again, and another table."""
    target = opened(path)
    publish_small(target, FORMER, "1733000001", NOW - timedelta(days=9))
    publish_small(target, FORMER, "1733000002", NOW - timedelta(days=8))
    publish_small(target, USERS, "1733000003", NOW - timedelta(days=2))
    publish_small(target, replace(USERS, name="orders"), "1733000003", NOW)
    return target


def forgotten(target: LocalRepository, table_id: str | None = None) -> tuple[str, ...]:
    """Forget users."""
    return forget(target, forgettable(target, "users", table_id), RecordingReporter())


def test_a_table_is_forgotten_with_all_that_was_of_it(tmp_path: Path) -> None:
    """All backups of all ids go, newest last, then links and directory; other tables stay."""
    target, reporter = two_lives(tmp_path / "backups"), RecordingReporter()
    assert forget(target, forgettable(target, "users", None), reporter) == ()
    assert names(target.path) == {"~repository.json", "orders"}
    assert [(name, fields["tag"]) for name, fields in reporter.events] == [
        (BACKUP_REMOVED, f"173300000{number}") for number in (1, 2, 3)
    ]


def test_the_former_life_of_a_table_is_forgotten_alone(tmp_path: Path) -> None:
    """With an id only backups of that id go, and the links lead where they led."""
    target = two_lives(tmp_path / "backups")
    forgotten(target, FORMER.id)
    assert [one.tag for one in target.backups("users")] == ["1733000003"]
    assert (target.path / "users/latest").resolve(strict=True).name == "1733000003"


def test_one_backup_is_forgotten_alone(tmp_path: Path) -> None:
    """With a tag that one goes, damaged or not, and no other; one that isn't there is told with what is near."""
    target = two_lives(tmp_path / "backups")
    (target.path / "users" / "1733000002" / "users_backup.tar.gz").unlink()
    assert forget(target, forgettable(target, "users", None, "1733000002"), RecordingReporter()) == ()
    assert [one.tag for one in target.backups("users")] == ["1733000003", "1733000001"]
    with pytest.raises(NotFoundError, match="1733000003"):
        forgettable(target, "users", None, "1733000004")
    with pytest.raises(NotFoundError, match=FORMER.id):
        forgettable(target, "users", USERS.id, "1733000001")


def test_links_lead_to_what_is_left(tmp_path: Path) -> None:
    """Where the newest backup is forgotten, links lead to the newest one of the other id."""
    target = two_lives(tmp_path / "backups")
    forgotten(target, USERS.id)
    assert (target.path / "users/latest").resolve(strict=True).name == "1733000002"
    assert (target.path / "users/table_schema.cql").read_text() == "CREATE TABLE ...;"


@pytest.mark.parametrize("moved", [False, True])
def test_what_the_predecessor_left_is_forgotten_too(tmp_path: Path, *, moved: bool) -> None:
    """The predecessor's files go with the table, whether they have moved to a directory of their own or not."""
    target = opened(tmp_path / "backups")
    left = target.path / "users" / ("legacy-1600000000" if moved else ".")
    left.mkdir(parents=True)
    for name in ("table_schema.cql", "users_backup.tar.gz", "README.txt"):
        (left / name).write_text("predecessor's")
    assert forgotten(target) == ()
    assert names(target.path) == {"~repository.json"}


def test_the_predecessors_files_survive_new_links(tmp_path: Path) -> None:
    """Where a crash has left them in the places of links, they move before links change, and stay with the other id."""
    target = two_lives(tmp_path / "backups")
    for name in ("table_schema.cql", "users_backup.tar.gz"):
        (target.path / "users" / name).unlink()
        (target.path / "users" / name).write_text(f"predecessor's {name}")
    forgotten(target, USERS.id)
    (legacy_backup, *others) = target.backups("users")
    assert [one.tag for one in others] == ["1733000002", "1733000001"]
    assert Path(legacy_backup.location, "table_schema.cql").read_text() == "predecessor's table_schema.cql"
    assert (target.path / "users/latest").resolve(strict=True).name == "1733000002"


def test_damaged_backups_are_forgotten_too(tmp_path: Path) -> None:
    """A backup without its archive or its summary is removed with the others of its name; without an id it has none."""
    target = two_lives(tmp_path / "backups")
    (target.path / "users/1733000001/summary.json").unlink()
    (target.path / "users/1733000003/users_backup.tar.gz").unlink()
    assert [one.tag for one in forgettable(target, "users", FORMER.id)] == ["1733000002"]
    forgotten(target)
    assert names(target.path) == {"~repository.json", "orders"}


def test_what_is_no_backup_stays(tmp_path: Path) -> None:
    """Foreign files keep the directory, and are named."""
    target = two_lives(tmp_path / "backups")
    (target.path / "users/notes").mkdir()
    assert forgotten(target) == (str(target.path / "users/notes"),)
    assert names(target.path / "users") == {"notes"}


def test_a_hold_is_stronger(tmp_path: Path) -> None:
    """As long as one of them is held, none of a table's backups is forgotten."""
    target = two_lives(tmp_path / "backups")
    place_hold(target.path, target.path / "users/1733000001", Hold("alice", NOW))
    with pytest.raises(StorageError, match=r"users/1733000001 in local is held by alice.*release users 1733000001"):
        forgotten(target)
    assert len(target.backups("users")) == 3
    forgotten(target, USERS.id)
    assert [one.tag for one in target.backups("users")] == ["1733000002", "1733000001"]


def test_a_hold_that_comes_late_saves_its_backup(tmp_path: Path) -> None:
    """What is held only after it was chosen stays, with its directory and the links to it."""
    target = two_lives(tmp_path / "backups")
    chosen = forgettable(target, "users", None)
    place_hold(target.path, target.path / "users/1733000001", Hold("alice", NOW))
    assert forget(target, chosen, RecordingReporter()) == ()
    assert [one.tag for one in target.backups("users")] == ["1733000001"]
    assert (target.path / "users/latest").resolve(strict=True).name == "1733000001"


def test_what_was_never_there_cannot_be_forgotten(tmp_path: Path) -> None:
    """An unknown table or id is an error that names what there is."""
    target = two_lives(tmp_path / "backups")
    with pytest.raises(NotFoundError, match="Close to it: users"):
        forgettable(target, "user", None)
    with pytest.raises(NotFoundError, match=f"{IDS[1]} in local.*Known ids: {FORMER.id}, {USERS.id}"):
        forgettable(target, "users", IDS[1])
