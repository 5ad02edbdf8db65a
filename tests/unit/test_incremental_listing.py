"""What is listed of an incremental repository, whatever lies in the store."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from backup_core.errors import ManifestError, StorageUnavailableError
from backup_core.repository.holds import Hold
from backup_core.repository.listing import BackupStatus
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content
from tests.lagging_storage import LaggingStorage
from tests.repository_backups import USERS
from tests.small_node import restored
from tests.stepped_site import KEYS, SteppedSite, site_in
from tests.storage_samples import stored


def test_what_a_backup_says(tmp_path: Path) -> None:
    """A list tells whose it is, how large, how much of it was new, and where; the newest comes first."""
    site = site_in(tmp_path)
    first, second = site.back_up("1", "2"), site.back_up("2", "3")
    assert site.repository.backups() == (second, first)
    assert site.repository.find("users") == second
    assert (second.id, second.mode, second.status) == (USERS.id, "incremental", BackupStatus.COMPLETE)
    assert second.location == f"{site.store.address}/users/{USERS.id}/backups/{second.tag}.json"
    assert first.sent_bytes == first.size_bytes
    assert second.sent_bytes is not None
    assert second.sent_bytes < second.size_bytes
    assert site.repository.tables() == ("users",)
    assert site.repository.tags("users") == {first.tag, second.tag}
    assert site.repository.tags("orders") == set()


def test_a_table_that_was_made_again_has_two_ids(tmp_path: Path) -> None:
    """Both are listed under its name, each with its own id."""
    site = site_in(tmp_path)
    old = site.back_up("1")
    for key in [key for key in site.all_keys() if key.startswith(KEYS.root)]:
        copied = key.replace(USERS.id, "f" * 32)
        content = stored(site.store, key).replace(USERS.id.encode(), b"f" * 32)
        site.store.put(copied, Content.of(content))
    found = {listing.id: listing.status for listing in site.repository.backups("users")}
    assert found[old.id] is BackupStatus.COMPLETE
    assert set(found) == {old.id, "f" * 32}


def test_a_manifest_that_lost_its_summary_speaks_for_itself(tmp_path: Path) -> None:
    """Somebody has removed the summary: the backup is whole all the same, and is listed so."""
    site = site_in(tmp_path)
    made = site.back_up("1")
    site.store.delete((KEYS.summary(made.tag),))
    (found,) = site.repository.backups()
    assert found == made
    assert restored(site.repository, found) == site.node.files(USERS)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda fields: fields.update(tag="1"), "is that of users/1"),
        (lambda fields: fields.update(table_id="0" * 32), f"table id {'0' * 32}"),
        (lambda fields: fields.update(manifest_size_bytes=3), "isn't the one"),
        (lambda fields: fields.update(mode="archive"), "archive mode"),
        (lambda fields: fields.update(format_version=2), "format version 2"),
        (lambda fields: fields.clear(), "can't be read"),
    ],
    ids=["tag", "id", "size", "mode", "newer", "empty"],
)
def test_a_summary_that_does_not_fit(tmp_path: Path, change: Callable[[dict[str, Any]], object], problem: str) -> None:
    """It makes the backup damaged, with the reason; it isn't the newest good one any more."""
    site = site_in(tmp_path)
    old, new = site.back_up("1"), site.back_up("1", "2")
    fields = json.loads(stored(site.store, KEYS.summary(new.tag)))
    change(fields)
    site.store.put(KEYS.summary(new.tag), Content.of(json.dumps(fields).encode()))
    found = site.repository.find("users", new.tag)
    assert found.status is BackupStatus.DAMAGED
    assert problem in found.problem
    assert site.repository.find("users") == old
    with pytest.raises(ManifestError):
        site.repository.manifest(found)


def test_what_is_not_ours_is_passed_over(tmp_path: Path) -> None:
    """A prefix with something foreign in it lists what is ours, and nothing else."""
    site = site_in(tmp_path)
    made = site.back_up("1")
    for key in (
        "README.txt",
        "users/notes/a.json",
        f"{KEYS.backups}{made.tag}.json.bak",
        f"{KEYS.backups}0123.json",
        f"{KEYS.backups}12345.summary.json",
        f"{KEYS.backups}{made.tag}.hold.json/x",
        "a b/c/backups/1.json",
    ):
        site.store.put(key, Content.of(b"?"))
    assert site.repository.backups() == (made,)
    assert site.repository.tags("users") == {made.tag}


def test_notes_are_listed_and_taken_back(tmp_path: Path) -> None:
    """A hold, and what a restore wrote, show in the next list."""
    site = site_in(tmp_path)
    made = site.back_up("1")
    hold = Hold("alice", site.clock.now(), "why not")
    assert site.repository.hold(made, hold) == hold
    assert site.repository.hold(made, Hold("bob", site.clock.now())) == hold
    note = json.dumps({"restored_at": "2026-11-22T13:00:00Z", "proven": True}).encode()
    site.repository.write_note(made, "restored.json", note)
    assert site.repository.read_note(made, "restored.json") == note
    found = site.repository.find("users")
    assert found.hold == hold
    assert found.verified.restored is not None
    assert site.repository.release(found) == hold
    assert site.repository.find("users").hold is None


def test_a_listing_that_lags_makes_nothing_damaged(tmp_path: Path) -> None:
    """What was removed meanwhile isn't listed, and what isn't listed yet does no harm."""
    site = SteppedSite(tmp_path, store=LaggingStorage)
    old, new = site.back_up("1"), site.back_up("2")
    site.store.freeze()
    site.repository.remove(old)
    assert site.repository.backups() == (new,)
    site.store.delete([KEYS.summary(new.tag)])
    assert site.repository.backups() == (new,)


class FailingStorage(MemoryStorage):
    """Gives no summaries."""

    def get(self, key: str, *, offset_bytes: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """Asks to come again."""
        if "summary" in key:
            raise StorageUnavailableError("slow down")
        return super().get(key, offset_bytes=offset_bytes)


def test_a_store_that_fails_lists_nothing(tmp_path: Path) -> None:
    """An answer that doesn't come ends the list: no backup is called damaged for it."""
    site = site_in(tmp_path)
    site.back_up("1")
    failing = FailingStorage(site.clock)
    for key in site.all_keys():
        failing.put(key, Content.of(stored(site.store, key)))
    with pytest.raises(StorageUnavailableError):
        site.opened(failing).backups()
