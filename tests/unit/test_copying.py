"""Copies from one repository into another: what goes over, what it says of itself, what is left of one that fails."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.copying.context import CopyContext
from backup_core.copying.gaps import Verdict, decide
from backup_core.copying.tables import Outcome, copy_table
from backup_core.encryption import read_identities
from backup_core.errors import (
    BackupError,
    ForeignRepositoryError,
    IntegrityError,
    LockHeldError,
    PermissionDeniedError,
    RunCancelledError,
    StorageError,
    StorageFullError,
)
from backup_core.events import COPY_FAILED, COPY_LEFT_OUT
from backup_core.floor import Floor
from backup_core.lock import TableLocks
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.repository import IncrementalRepository
from backup_core.repository.layout import is_legacy_tag
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.local import LocalRepository
from backup_core.repository.protocol import Repository
from backup_core.repository.storage.memory import MemoryStorage
from backup_core.repository.storage.protocol import Content, ObjectInfo, Storage
from backup_core.repository.verification import DEEP
from backup_core.throttle import Throttle
from tests.incremental_site import KEY, KEYS, PLAIN, SEALED, Site, two_sstables
from tests.listing_samples import listing as sample
from tests.mortal_storage import DiedError, MortalStorage
from tests.repository_backups import HOST_ID, USERS, FixedClock, opened
from tests.small_node import Unhurried
from tests.storage_samples import keys


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """With two SSTables."""
    return two_sstables(tmp_path)


def incremental(
    site: Site, storage: Storage, encoding: Encoding = PLAIN, *, has_key: bool = False, is_host: bool = False
) -> IncrementalRepository:
    """Another repository of the same host, open, as any machine that holds no key would fill it."""
    path = site.directory / "identity"
    path.write_text(str(KEY))
    made = IncrementalRepository(
        "second",
        storage,
        state=site.directory / "elsewhere",
        encoding=encoding,
        reporter=site.reporter,
        clock=FixedClock(),
        identities=read_identities(path) if has_key else None,
        parallel=1,
        is_host=is_host,
    )
    made.open(HOST_ID, "Test Cluster")
    return made


def archives(site: Site, name: str = "archives") -> LocalRepository:
    """A repository of the same host in archive mode, open."""
    return opened(site.directory / name)


def copy(
    site: Site, source: Repository, target: Repository, listings: tuple[BackupListing, ...] | None = None
) -> list[Outcome]:
    """Copy all backups of the table."""
    outcomes: list[Outcome] = []
    context = CopyContext(
        source=source,
        target=target,
        locks=TableLocks(site.directory / "locks"),
        floor=Floor(),
        throttle=Throttle(0, site.context.cancel),
        spool=site.directory / "spool",
        clock=FixedClock(),
        reporter=site.reporter,
        cancel=site.context.cancel,
    )
    copy_table(context, listings or source.backups("users"), outcomes.append)
    return outcomes


def results(outcomes: list[Outcome]) -> list[str]:
    """What came of each."""
    return [outcome.result for outcome in outcomes]


def assert_whole(repository: Repository, site: Site) -> None:
    """Every backup is complete, and every byte of it what was stored."""
    for listing in repository.backups("users"):
        assert listing.status is BackupStatus.COMPLETE
        repository.verify(listing, depth=DEEP, on_progress=lambda _: None, cancel=site.context.cancel)


tags = st.sampled_from(["1", "2", "3", "legacy-4"])
moments = st.sampled_from([timedelta(), timedelta(microseconds=1)])
listings = st.builds(
    lambda tag, age, status: replace(sample(age, status), tag=tag), tags, moments, st.sampled_from(BackupStatus)
)
of_one_table = st.lists(listings, unique_by=lambda listing: listing.tag)


@given(of_one_table, of_one_table)
def test_what_is_copied_is_complete_and_not_there(source: list[BackupListing], target: list[BackupListing]) -> None:
    """Each backup is decided in its turn: copied if complete and not there, and there only as the same snapshot."""
    decisions = decide(source, target, "a", "b")
    assert [decision.listing for decision in decisions] == source
    there = {listing.tag: listing for listing in target}
    for decision in decisions:
        listing, other = decision.listing, there.get(decision.listing.tag)
        is_good = listing.status is BackupStatus.COMPLETE and not is_legacy_tag(listing.tag)
        assert (decision.verdict is Verdict.LEFT_OUT) == (not is_good)
        assert (decision.verdict is Verdict.COPY) == (is_good and other is None)
        if decision.verdict is Verdict.THERE:
            assert other is not None
            assert (other.snapshot_at, other.status) == (listing.snapshot_at, BackupStatus.COMPLETE)
        assert (decision.error is None) == (decision.verdict in {Verdict.COPY, Verdict.THERE})


def test_encrypted_objects_go_over_without_a_key(site: Site) -> None:
    """Objects go as they are stored; of the second backup only what is new, and the manifest says who took it."""
    first = site.back_up(SEALED)
    site.node.write(USERS, "3", b"new rows")
    second = site.back_up(SEALED)
    storage = MemoryStorage(FixedClock())
    source, target = site.repository(SEALED), incremental(site, storage, SEALED)
    site.sent()
    assert results(copy(site, source, target, (first,))) == ["copied"]
    assert site.sent() == sorted(stored.name for stored in source.manifest(first).objects)
    assert results(copy(site, source, target)) == ["copied", "there already"]
    assert [name for name in site.sent() if not name.startswith("snapshot-")] == [
        "3-Data.db.age",
        "3-components.tar.zst.age",
    ]
    copied = target.manifest(target.find("users", second.tag))
    original = source.manifest(second)
    assert copied.model_copy(update={"objects": original.objects, "sent": original.sent}) == original
    assert [replace(stored, etag=None) for stored in copied.objects] == [
        replace(stored, etag=None) for stored in original.objects
    ]
    assert copied.sent is not None
    assert copied.sent.objects == 2
    assert_whole(incremental(site, storage, SEALED, has_key=True), site)


def test_what_has_another_name_there_is_used_all_the_same(site: Site) -> None:
    """What is there is known by its content; where a name has another content, the copy's object gets another name."""
    storage = MemoryStorage(FixedClock())
    storage.put(KEYS.object("1-Data.db.zst"), Content.of(b"something else"))
    target = incremental(site, storage)
    listing = site.back_up()
    site.sent()
    assert results(copy(site, site.repository(), target)) == ["copied"]
    renamed = next(name for name in site.sent() if name.startswith("1-") and name.endswith("-Data.db.zst"))
    assert renamed != "1-Data.db.zst"
    site.back_up()
    assert results(copy(site, site.repository(), target)) == ["copied", "there already"]
    assert not any("Data.db" in name for name in site.sent())
    assert renamed in {stored.name for stored in target.manifest(target.find("users", listing.tag)).objects}
    assert_whole(target, site)


def test_a_damaged_object_is_not_copied(site: Site) -> None:
    """What isn't what was stored is refused on the way: nothing is listed of it, and the other backup is copied."""
    site.back_up()
    site.node.write(USERS, "3", b"new rows")
    damaged = site.back_up()
    key = KEYS.object("3-Data.db")
    site.storage.delete((key,))
    site.storage.put(key, Content.of(b"old rows"))
    target = incremental(site, MemoryStorage(FixedClock()))
    outcomes = copy(site, site.repository(), target)
    assert results(outcomes) == ["failed", "copied"]
    assert isinstance(outcomes[0].error, IntegrityError)
    assert COPY_FAILED in {name for name, _ in site.reporter.events}
    assert damaged.tag not in target.tags("users")
    assert_whole(target, site)


def test_a_copy_that_dies_anywhere_lists_nothing_half_done(site: Site) -> None:
    """Killed before any of its changes, a copy leaves no backup that isn't whole, and the next one sends the rest."""
    site.back_up()
    died = 0
    while True:
        storage = MortalStorage(MemoryStorage(FixedClock()))
        target = incremental(site, storage)
        storage.live(died)
        try:
            copy(site, site.repository(), target)
            break
        except DiedError:
            storage.live()
        assert_whole(target, site)
        sent = {stored for stored in keys(storage) if stored.startswith(KEYS.objects)}
        site.sent()
        assert results(copy(site, site.repository(), target)) in (["copied"], ["there already"])
        assert not sent & {KEYS.object(name) for name in site.sent()}
        assert_whole(target, site)
        died += 1
    assert died >= len(keys(storage)) - 1


def test_archives_are_copied_byte_for_byte(site: Site) -> None:
    """All files of an archive's backup are the same there, and the predecessor's paths lead to the copy."""
    source, target = archives(site), archives(site, "others")
    table = site.snapshot()
    source.store(site.context, table, Unhurried())
    assert results(copy(site, source, target)) == ["copied"]
    tag = table.snapshot.tag
    for path in (source.path / "users" / tag).iterdir():
        if path.name != "verified.json":
            assert (target.path / "users" / tag / path.name).read_bytes() == path.read_bytes()
    assert (target.path / "users" / "users_backup.tar.gz").exists()
    assert_whole(target, site)
    assert results(copy(site, source, target)) == ["there already"]


def test_repositories_of_different_modes(site: Site) -> None:
    """From archives into an encrypted repository and back: the same files, taken by the same node at the same time."""
    source, third = archives(site), archives(site, "third")
    table = site.snapshot()
    source.store(site.context, table, Unhurried())
    storage = MemoryStorage(FixedClock())
    assert results(copy(site, source, incremental(site, storage, SEALED))) == ["copied"]
    with pytest.raises(PermissionDeniedError, match="is encrypted"):
        copy(site, incremental(site, storage, SEALED), third)
    assert third.backups() == ()
    sealed = incremental(site, storage, SEALED, has_key=True)
    assert results(copy(site, sealed, third)) == ["copied"]
    assert list((site.directory / "spool").iterdir()) == []
    original, back = (each.manifest(each.find("users")) for each in (source, third))
    assert (back.node, back.ring, back.table, back.scylla_version) == (
        original.node,
        original.ring,
        original.table,
        original.scylla_version,
    )
    assert back.times == original.times
    assert sorted(back.files, key=str) == sorted(original.files, key=str)
    for name in ("table_schema.cql", "alternator_schema.json", "SHA256SUMS"):
        ours, theirs = ((each.path / "users" / back.tag / name).exists() for each in (source, third))
        assert ours is theirs is True
    description = [(each.path / "users" / back.tag / "alternator_schema.json").read_text() for each in (source, third)]
    assert description[0] == description[1]
    readme = (third.path / "users" / back.tag / "README.txt").read_text()
    assert "DATA=/var/lib/scylla/data\n" in readme
    assert_whole(third, site)


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """No file may become larger, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_space_to_unpack(site: Site) -> None:
    """A disk that is full while a backup is unpacked: one line that says where more may be, and nothing is left."""
    site.back_up()
    target = archives(site)
    with files_up_to(1 << 20), pytest.raises(StorageFullError, match="--spool"):
        copy(site, site.repository(), target)
    assert list((site.directory / "spool").iterdir()) == []
    assert target.backups() == ()
    assert results(copy(site, site.repository(), target)) == ["copied"]
    assert_whole(target, site)


def test_what_is_not_complete_stays_where_it_is(site: Site) -> None:
    """A backup that is known to be damaged is told of and left out."""
    good, bad = site.back_up(), site.back_up()
    site.repository().write_note(bad, "damage.json", b"{}")
    target = incremental(site, MemoryStorage(FixedClock()))
    outcomes = copy(site, site.repository(), target)
    assert results(outcomes) == ["left out", "copied"]
    assert COPY_LEFT_OUT in {name for name, _ in site.reporter.events}
    assert target.tags("users") == {good.tag}


def test_a_tag_with_another_snapshot(site: Site) -> None:
    """Where the same tag is of another snapshot, that one stays as it is, and the copy is refused."""
    listing = site.back_up()
    target = archives(site)
    table = site.snapshot()
    later = replace(table.snapshot, tag=listing.tag, started_at=table.snapshot.started_at + timedelta(seconds=1))
    target.store(site.context, replace(table, snapshot=later), Unhurried())
    (outcome,) = copy(site, site.repository(), target)
    assert outcome.result == "failed"
    with pytest.raises(StorageError, match="another snapshot"):
        raise outcome.error or AssertionError
    assert target.find("users").snapshot_at == later.started_at


def test_another_hosts_repository(site: Site) -> None:
    """A backup goes only where the backups of its own host are."""
    site.back_up()
    storage = MemoryStorage(FixedClock())
    target = incremental(site, MemoryStorage(FixedClock()))
    foreign = IncrementalRepository(
        "foreign",
        storage,
        state=site.directory / "elsewhere",
        encoding=PLAIN,
        reporter=site.reporter,
        clock=FixedClock(),
    )
    foreign.open(HOST_ID.replace("6d2a9f0c", "00000000"), None)
    with pytest.raises(ForeignRepositoryError, match="belongs to host 00000000"):
        copy(site, site.repository(), foreign)
    assert keys(storage) == ["~repository.json"]
    assert results(copy(site, site.repository(), target)) == ["copied"]


def test_a_run_that_has_the_table(site: Site) -> None:
    """While a run has the table, nothing of it is copied."""
    site.back_up()
    target = incremental(site, MemoryStorage(FixedClock()))
    with TableLocks(site.directory / "locks").hold("users"), pytest.raises(LockHeldError):
        copy(site, site.repository(), target)
    assert target.backups() == ()


class SweptStorage(MemoryStorage):
    """A store in which somebody removes an object just before a manifest is put."""

    swept: str = ""

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Put it; too late, if it is a manifest."""
        if self.swept and KEYS.tag_of(key):
            self.delete((self.swept,))
        return super().put(key, content, if_absent=if_absent)


def test_what_its_host_removes_meanwhile(site: Site) -> None:
    """A copy that uses what somebody else removes at the same time is taken out again, and the next one sends it."""
    site.back_up()
    storage = SweptStorage(FixedClock())
    target = incremental(site, storage)
    copy(site, site.repository(), target)
    listing = site.back_up()
    storage.swept = KEYS.object("2-Data.db")
    with pytest.raises(StorageError, match="taken out of second again"):
        copy(site, site.repository(), target, (listing,))
    assert listing.tag not in target.tags("users")
    storage.swept = ""
    assert results(copy(site, site.repository(), target, (listing,))) == ["copied"]
    assert target.find("users", listing.tag).status is BackupStatus.COMPLETE


def test_a_machine_that_copies_is_not_the_host(site: Site) -> None:
    """To have copied into a repository makes no machine the one that may remove what is there."""
    site.back_up()
    target = incremental(site, MemoryStorage(FixedClock()))
    copy(site, site.repository(), target)

    def refuse() -> str:
        raise BackupError("The node was asked.")

    with pytest.raises(BackupError, match="was asked"):
        target.is_removable(refuse)


class InterruptedStorage(MemoryStorage):
    """A store whose user is interrupted at the first object."""

    def __init__(self, site: Site) -> None:
        super().__init__(FixedClock())
        self._cancel = site.context.cancel

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> ObjectInfo:
        """Put it, and Ctrl-C."""
        info = super().put(key, content, if_absent=if_absent)
        if key.startswith(KEYS.objects):
            self._cancel.set(130)
        return info


def test_a_copy_that_is_interrupted(site: Site) -> None:
    """Ctrl-C ends a copy between two objects; nothing is listed of it."""
    site.back_up()
    target = incremental(site, InterruptedStorage(site))
    with pytest.raises(RunCancelledError):
        copy(site, site.repository(), target)
    assert target.backups() == ()
    assert len(site.sent()) == 6
