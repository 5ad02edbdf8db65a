"""How backups go from an incremental repository, and what nobody needs after them."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from backup_core.clock import Clock
from backup_core.errors import ManifestError, NotFoundError
from backup_core.events import BACKUPS_VANISHED, OBJECTS_REMOVED, SWEEP_POSTPONED
from backup_core.lock import TableLocks
from backup_core.repository.holds import Hold
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content
from tests.lagging_storage import LaggingStorage
from tests.repository_backups import USERS
from tests.small_node import restored
from tests.stepped_site import KEYS, SteppedSite, site_in
from tests.storage_samples import stored


def test_objects_go_with_the_last_backup_that_needs_them(tmp_path: Path) -> None:
    """A removed backup takes along what is beside it; a sweep takes what only it needed, when that is old enough."""
    site = site_in(tmp_path)
    old, new = site.back_up("1", "2"), site.back_up("2", "3")
    site.verify(old)
    assert site.repository.remove(old)
    assert not site.repository.remove(old)
    assert not [key for key in site.all_keys() if f"/{old.tag}." in key]
    assert site.sweep(later=timedelta(hours=40)) == 0
    assert "1-Data.db.zst" in site.objects()
    assert site.sweep(later=timedelta(hours=10)) > 0
    assert not [name for name in site.objects() if name.startswith("1-")]
    (told,) = site.told(OBJECTS_REMOVED)
    assert (told["table"], told["repository"]) == ("users", "offsite")
    assert restored(site.repository, new) == site.node.files(USERS)
    assert site.sweep() == 0


def test_what_was_swept_is_sent_anew(tmp_path: Path) -> None:
    """An SSTable that comes back when its object was swept becomes an object again."""
    site = site_in(tmp_path)
    with_it = site.back_up("1", "2")
    files = site.node.files(USERS)
    site.back_up("2")
    site.repository.remove(with_it)
    assert site.sweep() > 0
    assert restored(site.repository, site.back_up("1", "2")) == files


def test_a_clock_of_this_machine_that_is_wrong_does_no_harm(tmp_path: Path) -> None:
    """Ages are counted by the store's clock: a node that thinks it is next year removes nothing for that."""
    site = site_in(tmp_path)
    old = site.back_up("1")
    site.back_up("2")
    site.repository.remove(old)
    later = site.clock.now() + timedelta(days=365)
    assert site.repository.sweep(("users",), later, TableLocks(tmp_path / "locks")) == 0
    assert "1-Data.db.zst" in site.objects()


def test_a_manifest_that_cannot_be_read_stops_the_sweep(tmp_path: Path) -> None:
    """Nobody knows what that one needs: nothing of the table goes, and the error says why."""
    site = site_in(tmp_path)
    old, new = site.back_up("1"), site.back_up("2")
    newer = stored(site.store, KEYS.manifest(new.tag)).replace(b'"format_version":1', b'"format_version":2', 1)
    site.store.put(KEYS.manifest(new.tag), Content.of(newer))
    site.repository.remove(old)
    before = site.all_keys()
    with pytest.raises(ManifestError, match=r"Nothing of users is swept.*format version 2"):
        site.sweep()
    assert site.all_keys() == before


def test_a_table_that_a_run_has_is_swept_another_time(tmp_path: Path) -> None:
    """That is no failure: an event says so."""
    site = site_in(tmp_path)
    old = site.back_up("1")
    site.back_up("2")
    site.repository.remove(old)
    with TableLocks(tmp_path / "locks").hold("users"):
        assert site.sweep() == 0
    (told,) = site.told(SWEEP_POSTPONED)
    assert "another run" in str(told["reason"])
    assert site.sweep() > 0


def test_a_backup_that_is_not_listed_yet_keeps_its_objects(tmp_path: Path) -> None:
    """The node knows that it made it, and asks for its manifest by name."""
    site = SteppedSite(tmp_path, store=LaggingStorage)
    old = site.back_up("1", "2")
    site.repository.remove(old)
    site.clock.step(hours=50)
    site.store.freeze()
    late = site.back_up_unlisted("1", "2", "3")
    site.sweep(later=timedelta(hours=1))
    site.store.catch_up()
    assert restored(site.repository, site.repository.find("users", late)) == site.node.files(USERS)


def test_a_run_that_died_before_its_manifest_delays_the_sweep(tmp_path: Path) -> None:
    """A manifest that the node was about to put may be listed late: it is waited for until the grace time is over."""
    site = site_in(tmp_path)
    old, died = site.back_up("1"), site.back_up("2")
    site.repository.remove(old)
    site.store.delete([KEYS.manifest(died.tag)])
    assert site.sweep(later=timedelta(hours=40)) == 0
    assert "isn't listed" in str(site.told(SWEEP_POSTPONED)[0]["reason"])
    assert site.sweep(later=timedelta(hours=10)) > 0
    assert site.objects() == set()


def test_a_backup_that_somebody_else_has_removed_is_told_once(tmp_path: Path) -> None:
    """As by a lifecycle rule of the bucket: a warning names it, when its listing can't be late any more."""
    site = site_in(tmp_path)
    eaten = site.back_up("1")
    site.back_up("2")
    site.store.delete([KEYS.manifest(eaten.tag), KEYS.summary(eaten.tag)])
    for _ in range(2):
        site.sweep()
    assert [fields["tags"] for fields in site.told(BACKUPS_VANISHED)] == [(eaten.tag,)]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    """Neither sweeping nor forgetting touches what somebody else has put beside our objects; forgetting names it."""
    site = site_in(tmp_path)
    site.back_up("1")
    foreign = [f"{KEYS.objects}notes.txt", f"{KEYS.backups}README.json", f"{KEYS.root}own/1-Data.db"]
    for key in foreign:
        site.store.put(key, Content.of(b"mine"))
    site.sweep()
    left = site.repository.forget(site.repository.backups("users"), lambda _listing: None)
    assert left == tuple(f"{site.store.address}/{key}" for key in sorted(foreign))
    assert [key for key in site.all_keys() if key.startswith("users/")] == sorted(foreign)


def test_forgetting_leaves_nothing_of_a_table(tmp_path: Path) -> None:
    """With the last backup everything that we keep of a table goes; the next one stores it from the beginning."""
    site = site_in(tmp_path)
    made = [site.back_up("1"), site.back_up("1", "2")]
    site.verify(made[1])
    gone: list[str] = []
    assert site.repository.forget(site.repository.backups("users"), lambda one: gone.append(one.tag)) == ()
    assert gone == [one.tag for one in made]
    assert site.all_keys() == ["~repository.json"]
    assert site.repository.tables() == ()
    again = site.back_up("1", "2")
    assert again.sent_bytes == again.size_bytes
    assert restored(site.repository, again) == site.node.files(USERS)


def test_forgetting_some_backups_leaves_the_others_whole(tmp_path: Path) -> None:
    """What other backups of the table need stays where it is."""
    site = site_in(tmp_path)
    old, new = site.back_up("1", "2"), site.back_up("2")
    site.repository.forget((old,), lambda _listing: None)
    assert site.repository.backups() == (new,)
    assert restored(site.repository, new) == site.node.files(USERS)


def test_a_held_backup_is_not_removed(tmp_path: Path) -> None:
    """Whoever removes looks for a hold by name, whatever was listed."""
    site = SteppedSite(tmp_path, store=LaggingStorage)
    made = site.back_up("1")
    site.store.freeze()
    site.repository.hold(made, Hold("alice", site.clock.now()))
    assert not site.repository.remove(made)
    site.repository.release(made)
    assert site.repository.remove(made)
    with pytest.raises(NotFoundError, match="just been removed"):
        site.repository.hold(made, Hold("alice", site.clock.now()))
    with pytest.raises(NotFoundError, match="just been removed"):
        site.repository.write_note(made, "drill.json", b"{}")
    site.store.catch_up()
    assert not [key for key in site.all_keys() if "/backups/" in key]


class MeddlingStorage(MemoryStorage):
    """Lets somebody else do something just before a manifest is removed."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.meddle: Callable[[], object] | None = None

    def delete(self, keys: Iterable[str]) -> None:
        """Removes, when that is done."""
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            meddle()
        super().delete(keys)


def test_a_hold_that_comes_while_its_backup_is_removed_counts(tmp_path: Path) -> None:
    """Who was told that the backup is held finds it there, as it was."""
    site = SteppedSite(tmp_path, store=MeddlingStorage)
    made = site.back_up("1")
    hold = Hold("alice", site.clock.now())
    site.store.meddle = lambda: site.repository.hold(made, hold)
    assert not site.repository.remove(made)
    found = site.repository.find("users", made.tag)
    assert found.hold == hold
    assert restored(site.repository, found) == site.node.files(USERS)


def test_a_sweep_leaves_what_another_writer_needs(tmp_path: Path) -> None:
    """Somebody else who publishes into the same place while a sweep goes on ends that sweep."""
    site = SteppedSite(tmp_path, store=MeddlingStorage)
    old = site.back_up("1")
    manifest = stored(site.store, KEYS.manifest(old.tag))
    site.back_up("2")
    site.repository.remove(old)
    other = manifest.replace(f'"tag":"{old.tag}"'.encode(), b'"tag":"1700000000"')
    put, puts = site.store.put, []

    def put_and_meddle(key: str, content: Content, *, if_absent: bool = False) -> object:
        puts.append(key)
        if key == KEYS.damaged:
            put(KEYS.manifest("1700000000"), Content.of(other))
        return put(key, content, if_absent=if_absent)

    site.store.put = put_and_meddle  # type: ignore[method-assign,assignment]
    assert site.sweep() == 0
    assert "another backup" in str(site.told(SWEEP_POSTPONED)[0]["reason"])
    assert "1-Data.db.zst" in site.objects()
