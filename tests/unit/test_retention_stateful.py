"""Any history of a repository: runs, crashes, prunes, drops, other policies, a clock that steps, holds, damage."""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backup_core.cancel import CancelToken
from backup_core.lock import TableLocks
from backup_core.model import Table
from backup_core.repository.holds import Hold
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.pruning import PruneResult, plan, prune
from backup_core.repository.retention import Policies, Policy
from tests.repository_backups import RecordingReporter, names, opened
from tests.retention_cases import NOW, RULES, counted, expected_to_stay, publish_small


TABLES = ("users", "orders")
FIRST_TAG = 1733000000
LEGACY_TAG = "legacy-1600000000"
INTERVALS = st.sampled_from([1, 45, 700, 3000, 50_000])


def policy_of(rules: dict[str, int], minimum: int) -> Policy:
    """A policy with these rules; a duration's unit is a day."""
    values: dict[str, Any] = dict(rules)
    if "keep_within" in rules:
        values["keep_within"] = timedelta(days=rules["keep_within"])
    return Policy(**values, keep_minimum=minimum)


# Few rules at a time: all of them together hardly ever let a backup go.
POLICIES = st.builds(
    policy_of, st.dictionaries(st.sampled_from(RULES), st.integers(1, 3), max_size=2), st.sampled_from([1, 1, 1, 2])
)


class Histories(RuleBasedStateMachine):
    """A repository on a disk, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.repository = opened(self.directory / "backups")
        self.root = self.repository.path
        self.now = NOW
        self.policy = Policy(keep_last=2)
        self.numbers = iter(range(10**6))
        self.tables: dict[str, Table] = {}
        self.listed: set[tuple[str, str]] = set()

    def teardown(self) -> None:
        """Nothing of a history stays on the disk."""
        shutil.rmtree(self.directory)

    @initialize(minutes=st.lists(INTERVALS, min_size=4, max_size=8))
    def begin(self, minutes: list[int]) -> None:
        """One of the tables was backed up by the predecessor, and then by us."""
        left = self.root / "users" / LEGACY_TAG
        left.mkdir(parents=True)
        (left / "users_backup.tar.gz").write_bytes(b"rows")
        self.listed.add(("users", LEGACY_TAG))
        self.run("users", minutes)

    @rule(name=st.sampled_from(TABLES), minutes=st.lists(INTERVALS, min_size=1, max_size=6))
    def run(self, name: str, minutes: list[int]) -> None:
        """Time goes by, and a table is backed up, again and again; it is made first, if it isn't there."""
        table = self.tables.setdefault(name, Table(name, f"{next(self.numbers):032x}"))
        for interval in minutes:
            self.now += timedelta(minutes=interval)
            tag = str(FIRST_TAG + next(self.numbers))
            publish_small(self.repository, table, tag, self.now)
            self.listed.add((name, tag))

    @rule(name=st.sampled_from(TABLES))
    def drop(self, name: str) -> None:
        """The table goes; the next run makes it again, with another id."""
        self.tables.pop(name, None)

    @rule(hours=st.sampled_from([-2000, -50, -1, 1, 50, 2000]))
    def step_the_clock(self, hours: int) -> None:
        """Somebody sets the clock."""
        self.now += timedelta(hours=hours)

    @rule(policy=POLICIES)
    def change_the_policy(self, policy: Policy) -> None:
        """Somebody edits the settings."""
        self.policy = policy

    @rule()
    def crash_while_writing(self) -> None:
        """A run dies, and leaves what it was writing."""
        (self.root / f"~tmp-{next(self.numbers)}" / "content").mkdir(parents=True)

    @rule()
    def crash_while_removing(self) -> None:
        """A prune dies when its first backup is off the list, and half of that is gone."""
        decisions = plan(self.repository, Policies(self.policy), self.now)
        gone = next((decision.listing for decision in decisions if not decision.keep), None)
        if gone is None:
            return
        grave = self.root / f"~tmp-removed-{next(self.numbers)}" / "content"
        grave.mkdir(parents=True)
        Path(gone.location).rename(grave / gone.tag)
        (grave / gone.tag / "manifest.json").unlink()
        self.listed.remove((gone.table, gone.tag))

    @precondition(lambda self: len(self.listed) > 1)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        """Somebody wants a backup to stay."""
        chosen = data.draw(st.sampled_from(self.own()))
        self.repository.hold(chosen, Hold("alice", self.now))

    @precondition(lambda self: len(self.listed) > 1)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """Somebody doesn't any more."""
        self.repository.release(data.draw(st.sampled_from(self.own())))

    @precondition(lambda self: len(self.listed) > 1)
    @rule(data=st.data(), name=st.sampled_from(["archive", "summary.json"]))
    def damage(self, data: st.DataObject, name: str) -> None:
        """A file of a backup is lost."""
        chosen = data.draw(st.sampled_from(self.own()))
        path = Path(chosen.location, name.replace("archive", f"{chosen.table}_backup.tar.gz"))
        path.unlink(missing_ok=True)

    @rule()
    def prune(self) -> None:
        """Exactly what no rule wants goes, with what crashes have left, and another prune changes nothing."""
        before = self.repository.backups()
        stay = expected_to_stay(before, self.policy, self.now)
        result = self.pruned()
        assert {(d.listing.table, d.listing.tag) for d in result.removed} == self.listed - stay
        self.listed &= stay
        self.assert_minimum(before)
        assert not [name for name in names(self.root) if name.startswith("~tmp-")]
        tree = self.tree()
        assert self.pruned().removed == ()
        assert self.tree() == tree

    @invariant()
    def lists_exactly_what_it_should(self) -> None:
        """Whatever was done, the list has what was published and not removed, and nothing else."""
        assert {(one.table, one.tag) for one in self.repository.backups()} == self.listed

    @invariant()
    def links_lead_to_backups(self) -> None:
        """The link to the newest backup of a table, where there is one, leads to one that is listed."""
        for name in TABLES:
            link = self.root / name / "latest"
            assert not link.is_symlink() or (name, link.resolve(strict=True).name) in self.listed

    def own(self) -> list[BackupListing]:
        """What we have made."""
        return [one for one in self.repository.backups() if one.tag != LEGACY_TAG]

    def pruned(self) -> PruneResult:
        """A prune as of now."""
        result = prune(
            self.repository,
            Policies(self.policy),
            self.now,
            TableLocks(self.directory / "locks"),
            reporter=RecordingReporter(),
            cancel=CancelToken(),
        )
        assert result.failed == ()
        return result

    def assert_minimum(self, before: tuple[BackupListing, ...]) -> None:
        """Each group still has its newest complete backups, and all that isn't complete is where it was."""
        after = {one.location for one in self.repository.backups()}
        for group in {(one.table, one.id) for one in before}:
            members = [one for one in counted(before, self.now) if (one.table, one.id) == group]
            newest = sorted(members, key=lambda one: (one.snapshot_at, one.tag))[-self.policy.keep_minimum :]
            assert {one.location for one in newest} <= after
        assert {one.location for one in before if one.status is not BackupStatus.COMPLETE} <= after

    def tree(self) -> set[tuple[Path, int]]:
        """Every path below the root, with its time."""
        return {(path, path.lstat().st_mtime_ns) for path in self.root.rglob("*")}


Histories.TestCase.settings = settings(max_examples=25, stateful_step_count=40)
TestHistories = pytest.mark.timeout(300)(Histories.TestCase)  # thousands of files, each brought to the disk
