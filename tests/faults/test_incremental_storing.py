import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backup_core.errors import (
    ObjectExistsError,
    RunCancelledError,
    SourceError,
    StorageError,
    StorageUnavailableError,
)
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.losses import Losses, write_losses
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, ObjectInfo, Storage
from backup_core.repository.storage.retrying import Backoff, RetryingStorage
from tests.incremental_site import KEYS, PLAIN, SEALED, Site, two_sstables
from tests.repository_backups import USERS, FixedClock
from tests.small_node import Unhurried
from tests.storage_samples import MIB, keys, noise


DEADLINE_SECONDS = 20


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """With two SSTables."""
    return two_sstables(tmp_path)


@pytest.mark.parametrize("damage", ["no database", "of another version", "rows that are none"])
def test_a_broken_catalogue_is_made_anew(site: Site, damage: str) -> None:
    """Whatever has become of the catalogue, it costs nobody a backup."""
    site.back_up()
    (path,) = site.state.glob("*.sqlite")
    if damage == "no database":
        path.write_bytes(noise(10_000))
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(
                "PRAGMA user_version = 99" if damage == "of another version" else "UPDATE objects SET known = '{'"
            )
        connection.close()
    site.sent()
    listing = site.back_up()
    assert site.sent() == []
    assert site.restored(listing) == site.node.files(USERS)


def test_a_catalogue_that_missed_a_removal_is_not_believed(site: Site) -> None:
    """What somebody else has swept meanwhile is sent again, though this node's catalogue still has it."""
    site.back_up()
    for key in keys(site.storage, KEYS.root):
        site.storage.delete([key])
    write_losses(site.storage, KEYS, Losses(removed_at="2026-11-22T13:00:00.000000Z"))
    listing = site.back_up()
    assert site.restored(listing) == site.node.files(USERS)


def test_nothing_is_put_over_what_the_catalogue_does_not_know(site: Site) -> None:
    """An object that nobody told this node of stays as it is; its own goes beside it."""
    site.storage.put(KEYS.object("1-components.tar.zst"), Content.of(b"somebody's"))
    listing = site.back_up()
    with site.storage.get(KEYS.object("1-components.tar.zst")) as blocks:
        assert b"".join(blocks) == b"somebody's"
    assert site.restored(listing) == site.node.files(USERS)


def test_damaged_objects_are_sent_anew(site: Site) -> None:
    """What was found damaged isn't used again: the next run sends it under another name, and is whole."""
    site.back_up()
    site.storage.put(KEYS.object("2-Data.db"), Content.of(b"damaged"))
    write_losses(site.storage, KEYS, Losses({"2-Data.db": "cut short"}))
    site.sent()
    listing = site.back_up()
    (name,) = site.sent()
    assert name.startswith("2-")
    assert site.restored(listing) == site.node.files(USERS)
    site.back_up()
    assert site.sent() == []


def test_a_wrong_digest_stores_nothing_of_it(site: Site) -> None:
    """A Data.db that isn't what its digest says ends the backup; neither it nor a backup is stored."""
    table = site.snapshot()
    broken = table.snapshot.directory / "me-2-big-Data.db"
    content = bytearray(broken.read_bytes())
    broken.unlink()
    content[-1] ^= 1
    broken.write_bytes(content)
    repository = site.repository()
    with pytest.raises(SourceError, match=r"me-2-big-Data\.db has CRC-32"):
        repository.store(site.context, table, Unhurried())
    assert KEYS.object("2-Data.db") not in keys(site.storage)
    assert repository.backups() == ()


def test_what_a_failed_run_has_sent_is_used(site: Site) -> None:
    """A run that the store ends lists nothing; the next one goes on where it was."""
    failing = FailingStorage(site.storage, "2-Data.db")
    site.storage = failing
    with pytest.raises(StorageUnavailableError, match="no more"):
        site.repository(parallel=1).store(site.context, site.snapshot(), Unhurried())
    assert site.repository().backups() == ()
    failing.name = None
    before = site.sent()
    listing = site.back_up()
    assert not set(before) & set(site.sent())
    assert site.restored(listing) == site.node.files(USERS)


class FailingStorage(MemoryStorage):
    """A storage that fails to take an object of some name, after it has read all of it.

    Attributes:
        name: of the object; None for none.
    """

    def __init__(self, storage: Storage, name: str | None) -> None:
        super().__init__(FixedClock())
        assert isinstance(storage, MemoryStorage)
        self._objects = storage._objects  # noqa: SLF001  (the same objects)
        self.name = name

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object, or fail."""
        if self.name is not None and key.endswith(f"/{self.name}"):
            with content.opened() as blocks:
                for _ in blocks:
                    pass
            raise StorageUnavailableError("no more of it")
        return super().put(key, content, if_absent=if_absent)


def test_the_first_failure_ends_the_others(site: Site) -> None:
    """While one object fails, no other goes on to its end: an upload of hours wouldn't be of use."""
    site.node.write(USERS, "3", noise(8 * MIB))
    site.storage = storage = EndlessStorage()
    with pytest.raises(StorageUnavailableError, match="the other one"):
        site.repository().store(site.context, site.snapshot(), Unhurried())
    assert storage.was_ended
    assert not [key for key in keys(storage) if key.endswith("-Data.db")]


class EndlessStorage(MemoryStorage):
    """A storage that takes the largest object over and over, until that is ended; and fails at the next one.

    Attributes:
        was_ended: whether the largest one was.
    """

    def __init__(self) -> None:
        super().__init__(FixedClock())
        self.was_ended = False
        self._begun = threading.Event()

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object, or not."""
        if key.endswith("/3-Data.db"):
            self._begun.set()
            try:
                return super().put(key, replace(content, blocks=again_and_again(content)), if_absent=if_absent)
            except BaseException:
                self.was_ended = True
                raise
        if key.endswith("/2-Data.db"):
            assert self._begun.wait(DEADLINE_SECONDS)
            raise StorageUnavailableError("the other one")
        return super().put(key, content, if_absent=if_absent)


def again_and_again(content: Content) -> Callable[[], Iterator[bytes]]:
    """The same content without end, of which nothing is kept."""

    def blocks() -> Iterator[bytes]:
        while True:
            with content.opened() as once:
                for _ in once:
                    pass
            yield b"."

    return blocks


def test_a_signal_ends_it_within_an_object(site: Site) -> None:
    """Cancelled, it stops at the next block, and lists nothing."""

    class CancellingPace(Unhurried):
        def __call__(self, done_bytes: int) -> None:
            super().__call__(done_bytes)
            site.context.cancel.set(143)

    with pytest.raises(RunCancelledError):
        site.repository().store(site.context, site.snapshot(), CancellingPace())
    assert not [key for key in keys(site.storage) if key.endswith(("-Data.db", ".json")) and "~" not in key]


def test_a_tag_is_one_backup(site: Site) -> None:
    """A backup that is there stays as it is, whoever comes with the same tag."""
    table = site.snapshot()
    repository = site.repository()
    repository.store(site.context, table, Unhurried())
    before = {key: site.storage.stat(key) for key in keys(site.storage)}
    with pytest.raises(StorageError, match=rf"{table.snapshot.tag}\.json exists already. One tag of a table is one"):
        repository.store(site.context, table, Unhurried())
    assert {key: site.storage.stat(key) for key in keys(site.storage)} == before


def test_a_put_whose_answer_was_lost_has_published(site: Site) -> None:
    """Where the manifest is there when it is put once more, and it is this one, all is well."""
    site.storage = LossyStorage(site.storage)
    listing = site.back_up()
    assert site.restored(listing) == site.node.files(USERS)


class LossyStorage(FailingStorage):
    """A storage that has a manifest already when it is put, for having lost its answer to that."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage, None)

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object; say of a manifest that it is there."""
        info = super().put(key, content, if_absent=if_absent)
        if KEYS.tag_of(key):
            raise ObjectExistsError(f"{key} exists already")
        return info


def test_a_file_that_vanishes_ends_the_backup(site: Site) -> None:
    """A file of the snapshot that is gone is named, whether it would have been sent or not."""
    site.back_up()
    table = site.snapshot()
    (table.snapshot.directory / "me-1-big-TOC.txt").unlink()
    with pytest.raises(SourceError, match=r"me-1-big-TOC\.txt is gone"):
        site.repository().store(site.context, table, Unhurried())


def test_a_store_that_has_every_name_is_not_asked_for_ever(site: Site) -> None:
    """A store that says of any name that it is taken is told to be wrong."""

    class FullStorage(MemoryStorage):
        def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
            if key.startswith(KEYS.objects):
                raise ObjectExistsError(key)
            return super().put(key, content, if_absent=if_absent)

    site.storage = FullStorage(FixedClock())
    with pytest.raises(StorageError, match="all other names for it are taken"):
        site.back_up()


@pytest.mark.parametrize("encoding", [PLAIN, SEALED], ids=["plain", "sealed"])
def test_answers_that_are_lost_cost_no_truth(site: Site, encoding: Encoding) -> None:
    """Where objects are stored and the answer is lost, what the manifest says is true all the same."""
    backoff = Backoff(first_seconds=0.0)
    losing = LosingStorage(site.storage)
    site.storage = RetryingStorage(losing, backoff, site.context.cancel, site.reporter)
    listing = site.back_up(encoding)
    assert len(losing.lost) == LosingStorage.MOST
    assert site.restored(listing) == site.node.files(USERS)


class LosingStorage(FailingStorage):
    """A storage of which the first answers about some objects are lost.

    Attributes:
        lost: keys of the objects.
    """

    MOST = 7

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage, None)
        self.lost: set[str] = set()

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Store an object."""
        info = super().put(key, content, if_absent=if_absent)
        if key not in self.lost and len(self.lost) < self.MOST:
            self.lost.add(key)
            raise StorageUnavailableError("reset")
        return info
