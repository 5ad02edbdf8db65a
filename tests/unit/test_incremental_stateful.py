"""Any history of an incremental repository: runs, crashes, prunes, sweeps, drops, holds, damage, lost state, clocks."""

import shutil
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backup_core.cancel import CancelToken
from backup_core.errors import IntegrityError
from backup_core.lock import TableLocks
from backup_core.model import Table
from backup_core.repository.holds import Hold
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.losses import read_losses
from backup_core.repository.incremental.repository import IncrementalRepository
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.pruning import PruneResult, plan, prune
from backup_core.repository.retention import Policies, Policy
from backup_core.repository.storage.protocol import Content, ObjectInfo
from backup_core.repository.verification import DEEP, Depth, VerifyPass
from tests.lagging_storage import LaggingStorage
from tests.mortal_storage import DiedError, MortalStorage
from tests.repository_backups import HOST_ID, RecordingReporter
from tests.small_node import SmallNode, TestContext, Unhurried, incremental_repository, restored
from tests.stepped_clock import SteppedClock


TABLES = ("users", "orders")
FIRST_TAG = 1733000000
GENERATIONS = st.sampled_from(["1", "2", "3", "4"])
ROWS = st.sampled_from([b"a" * 40, b"b" * 40, b"c" * 2000, b""])
LIVES = st.none() | st.none() | st.integers(0, 12)
"""After how many changes of the store its user dies; None where it lives on."""

PICKS = st.integers(0, 99)
T = TypeVar("T")

MEMORY = Path("/dev/shm")  # noqa: S108  (files of a test that is about no disk)
"""Each backup syncs its files, which takes a busy disk a while."""

_Backup = tuple[str, str]


class Histories(RuleBasedStateMachine):
    """A node, its state directory, a store, and a clock that both of them go by."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.clock = SteppedClock("2026-11-22T13:00:00")
        self.store = LaggingStorage(self.clock)
        self.storage = MortalStorage(self.store)
        self.node = SmallNode(self.directory / "data")
        self.repository = self.born()
        self.numbers = iter(range(10**6))
        self.tables: dict[str, Table] = {}
        self.files: dict[_Backup, dict[str, bytes]] = {}
        """What each backup that is listed should give back."""
        self.objects: dict[_Backup, set[str]] = {}
        """Keys of what each of them needs."""
        self.spoiled: dict[str, ObjectInfo | None] = {}
        """What became of objects that aren't what they were, by key."""
        self.known: set[_Backup] = set()
        """Backups of which that was found."""
        self.held: set[_Backup] = set()

    def teardown(self) -> None:
        """At the end everything that is listed as complete is restored, but for damage that nobody has looked for."""
        self.gives_everything_back()
        shutil.rmtree(self.directory)

    @initialize(name=st.sampled_from(TABLES), rows=st.lists(ROWS, min_size=2, max_size=3))
    def begin(self, name: str, rows: list[bytes]) -> None:
        """A table with some data is backed up twice."""
        for number, content in enumerate(rows, 1):
            self.write(name, str(number), content, 0)
        self.run(name, None)
        self.write(name, "1", b"d" * 30, 1)
        self.run(name, None)

    @rule(name=st.sampled_from(TABLES), generation=GENERATIONS, rows=ROWS, statistics=st.integers(0, 2))
    def write(self, name: str, generation: str, rows: bytes, statistics: int) -> None:
        """An SSTable is written; one of its name that is there already is another one from now on."""
        table = self.tables.setdefault(name, Table(name, f"{next(self.numbers):032x}"))
        self.node.write(table, generation, rows, statistics=b"%d" % statistics)

    @rule(name=st.sampled_from(TABLES), generation=GENERATIONS)
    def compact(self, name: str, generation: str) -> None:
        """An SSTable goes."""
        if name in self.tables:
            self.node.compact(self.tables[name], generation)

    @rule(name=st.sampled_from(TABLES))
    def drop(self, name: str) -> None:
        """The table goes; if it is made again, it has another id."""
        self.tables.pop(name, None)

    @rule(name=st.sampled_from(TABLES), dies=LIVES)
    def run(self, name: str, dies: int | None) -> None:
        """A table is backed up; if that dies, nothing of it is listed."""
        tag = self.stored(name, dies)
        if tag:
            self.published(name, tag)

    @rule(name=st.sampled_from(TABLES), dies=LIVES)
    def sweep_while_listings_are_late(self, name: str, dies: int | None) -> None:
        """A backup isn't listed for days: what it needs stays all the same, as what a run before it had sent."""
        if dies is not None:
            self.write(name, "5", b"e" * 50, dies)
            self.run(name, dies)
        self.store.freeze()
        tag = self.stored(name, None)
        self.clock.step(hours=60)
        self.repository.sweep(TABLES, self.clock.now(), TableLocks(self.directory / "locks"))
        self.store.catch_up()
        if tag:
            self.published(name, tag)

    def stored(self, name: str, dies: int | None) -> str:
        """Back a table up; the tag, if that came to its end."""
        if name not in self.tables:
            return ""
        table, tag = self.tables[name], str(FIRST_TAG + next(self.numbers))
        self.clock.step(minutes=7)
        snapshot = self.node.snapshot(table, tag, self.clock.now())
        context = TestContext(self.clock)
        return tag if self.survived(dies, lambda: self.repository.store(context, snapshot, Unhurried())) else ""

    def published(self, name: str, tag: str) -> None:
        """Remember what a backup should give back, and look whether it can."""
        table = self.tables[name]
        listing = self.repository.find(name, tag)
        keys = TableKeys(name, table.id)
        manifest = self.repository.manifest(listing)
        self.files[name, tag] = self.node.files(table)
        self.objects[name, tag] = {keys.object(stored.name) for stored in manifest.objects}
        lost = {keys.object(name) for name in read_losses(self.store, keys).damaged}
        assert not self.objects[name, tag] & lost, "what is known to be damaged is sent anew"

    @rule(keep=st.integers(1, 3), dies=LIVES)
    def prune(self, keep: int, dies: int | None) -> None:
        """What no rule wants goes; if that dies, what is listed is as whole as before."""
        policy = Policies(Policy(keep_last=keep))
        going = {_key(d.listing) for d in plan(self.repository, policy, self.clock.now()) if not d.keep}
        assert not going & (self.held | self.known)
        self.survived(dies, lambda: self.pruned(policy))
        listed = self.listed()
        assert set(self.files) - going <= listed
        if dies is None:
            assert not going & listed
        self.gone(set(self.files) - listed)

    @rule(dies=LIVES, hours=st.sampled_from([1, 60]))
    def sweep(self, dies: int | None, hours: int) -> None:
        """What nobody needs goes, and only that."""
        self.clock.step(hours=hours)
        locks = TableLocks(self.directory / "locks")
        self.survived(dies, lambda: self.repository.sweep(self.repository.tables(), self.clock.now(), locks))

    @rule(name=st.sampled_from(TABLES), dies=LIVES)
    def forget(self, name: str, dies: int | None) -> None:
        """All backups of a table go, and everything else of it."""
        chosen = [one for one in self.repository.backups(name) if one.hold is None]
        if not chosen:
            return
        survived = self.survived(dies, lambda: self.repository.forget(chosen, lambda _listing: None))
        listed = self.listed()
        self.gone({backup for backup in self.files if backup[0] == name} - listed)
        if survived and not any(backup[0] == name for backup in listed):
            assert list(self.store.list(f"{name}/")) == []

    @rule(hours=st.sampled_from([-2000, -50, -1, 1, 50, 2000]))
    def step_the_clock(self, hours: int) -> None:
        """Somebody sets the clock, of the node and of the store."""
        self.clock.step(hours=hours)

    @rule()
    def lose_state(self) -> None:
        """The node's state directory is lost."""
        shutil.rmtree(self.directory / "state", ignore_errors=True)

    @precondition(lambda self: self.files)
    @rule(pick=PICKS)
    def hold(self, pick: int) -> None:
        """Somebody wants a backup to stay."""
        chosen = _picked(self.files, pick)
        self.repository.hold(self.repository.find(*chosen), Hold("alice", self.clock.now()))
        self.held.add(chosen)

    @precondition(lambda self: self.held)
    @rule(pick=PICKS)
    def release(self, pick: int) -> None:
        """Somebody doesn't any more."""
        chosen = _picked(self.held, pick)
        self.repository.release(self.repository.find(*chosen))
        self.held.remove(chosen)

    @precondition(lambda self: self.files)
    @rule(pick=PICKS, cut=st.booleans())
    def damage(self, pick: int, *, cut: bool) -> None:
        """An object is lost, or is something else all at once."""
        needed = set().union(*self.objects.values()) - self.broken()
        if not needed:
            return
        key = _picked(needed, pick)
        if cut:
            self.store.delete((key,))
        else:
            self.store.put(key, Content.of(b"x" * 37))
        self.spoiled[key] = self.store.stat(key)

    @rule(fraction=st.sampled_from([0.0, 0.3, 1.0]), dies=LIVES)
    def verify(self, fraction: float, dies: int | None) -> None:
        """Every backup is looked at: what is read and isn't right makes it damaged, and nothing else does."""
        self.survived(dies, lambda: self.verified(Depth(fraction)))
        for listing in self.repository.backups():
            if listing.status is BackupStatus.DAMAGED:
                assert self.objects[_key(listing)] & self.broken()
                self.known.add(_key(listing))
            elif fraction >= 1 and dies is None:
                assert not self.objects[_key(listing)] & self.broken()

    @precondition(lambda self: self.broken() and self.files)
    @rule(pick=PICKS)
    def verify_one(self, pick: int) -> None:
        """One backup is read: what is found marks all those that need the same object."""
        chosen = _picked(self.files, pick)
        found = self.objects[chosen] & self.broken()
        try:
            self.repository.verify(
                self.repository.find(*chosen), depth=DEEP, on_progress=lambda _bytes: None, cancel=CancelToken()
            )
        except IntegrityError:
            self.known |= {backup for backup, needed in self.objects.items() if needed & found}
            keys = TableKeys(chosen[0], self.repository.find(*chosen).id or "")
            assert found <= {keys.object(name) for name in read_losses(self.store, keys).damaged}
        else:
            assert not found

    @rule()
    def gives_everything_back(self) -> None:
        """Every complete backup is restored, but for damage that nobody has looked for."""
        for listing in self.repository.backups():
            if not self.objects[_key(listing)] & self.broken():
                assert restored(self.repository, listing) == self.files[_key(listing)]

    @invariant()
    def lists_exactly_what_it_should(self) -> None:
        """Whatever was done, the list has what was published and not removed, and nothing else."""
        found = {_key(listing): listing for listing in self.repository.backups()}
        assert set(found) == set(self.files)
        assert {key for key, listing in found.items() if listing.status is BackupStatus.DAMAGED} == self.known
        assert {key for key, listing in found.items() if listing.hold} == self.held

    @invariant()
    def has_all_that_is_needed(self) -> None:
        """No object that a listed backup needs is ever removed."""
        there = {info.key for info in self.store.list("")}
        for needed in self.objects.values():
            assert needed - self.broken() <= there

    def born(self) -> IncrementalRepository:
        """The process starts."""
        self.storage.live()
        repository = incremental_repository(self.storage, self.directory / "state", self.clock)
        repository.open(HOST_ID, "Test Cluster")
        return repository

    def survived(self, dies: int | None, work: Callable[[], object]) -> bool:
        """Do something, and whether it came to its end; if not, the process starts again."""
        self.storage.live(dies)
        try:
            work()
        except DiedError:
            self.repository = self.born()
            return False
        self.storage.live()
        return True

    def pruned(self, policy: Policies) -> PruneResult:
        """A prune as of now."""
        locks = TableLocks(self.directory / "locks")
        result = prune(
            self.repository, policy, self.clock.now(), locks, reporter=RecordingReporter(), cancel=CancelToken()
        )
        assert result.failed == ()
        return result

    def verified(self, depth: Depth) -> None:
        """One pass over all backups."""
        within = VerifyPass()
        for listing in self.repository.backups():
            try:
                self.repository.verify(
                    listing, depth=depth, on_progress=lambda _bytes: None, cancel=CancelToken(), within=within
                )
            except IntegrityError:
                assert self.objects[_key(listing)] & self.broken()

    def broken(self) -> set[str]:
        """Keys of objects that aren't what they were; with nothing of a table left, a name can be stored anew."""
        return {key for key, spoiled in self.spoiled.items() if self.store.stat(key) == spoiled}

    def listed(self) -> set[_Backup]:
        """What is listed."""
        return {_key(listing) for listing in self.repository.backups()}

    def gone(self, backups: set[_Backup]) -> None:
        """Backups aren't there any more."""
        for backup in backups:
            del self.files[backup], self.objects[backup]
        self.known -= backups
        self.held -= backups


def _picked(things: Collection[T], pick: int) -> T:
    return sorted(things)[pick % len(things)]  # type: ignore[type-var]  # all of them can be sorted


def _key(listing: BackupListing) -> _Backup:
    return listing.table, listing.tag


Histories.TestCase.settings = settings(max_examples=15, stateful_step_count=25)
TestHistories = Histories.TestCase


class LongHistories(Histories):
    """The same, for longer."""


LongHistories.TestCase.settings = settings(max_examples=150, stateful_step_count=50)


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestLongHistories(LongHistories.TestCase):
    """Many of them."""
