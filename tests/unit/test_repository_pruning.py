import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from backup_core.cancel import CancelToken
from backup_core.errors import NotFoundError, RunCancelledError
from backup_core.events import BACKUP_REMOVED, DEBRIS_REMOVED, PRUNE_FAILED
from backup_core.lock import TableLocks
from backup_core.model import Table
from backup_core.repository.listing import BackupStatus
from backup_core.repository.local import LocalRepository
from backup_core.repository.pruning import PruneResult, plan, prune
from backup_core.repository.removal import remove_backup
from backup_core.repository.retention import Policies, Policy, TablePolicy
from backup_core.repository.verification import DEEP
from tests.repository_backups import USERS, RecordingReporter, names, opened
from tests.retention_cases import IDS, NOW, publish_small


LAST_TWO = Policies(Policy(keep_last=2))
ORDERS = Table("orders", IDS[1])


def fill(target: LocalRepository, table: Table, count: int) -> list[str]:
    """Daily backups of a table; returns their tags, newest first."""
    tags = [str(1733000000 + number) for number in range(count)]
    for age, tag in enumerate(reversed(tags)):
        publish_small(target, table, tag, NOW - timedelta(days=age))
    return tags[::-1]


def pruned(
    target: LocalRepository,
    policies: Policies = LAST_TWO,
    *,
    reporter: RecordingReporter | None = None,
    cancel: CancelToken | None = None,
    tables: tuple[str, ...] | None = None,
    among: set[str] | None = None,
) -> PruneResult:
    """A prune as of NOW."""
    return prune(
        target,
        policies,
        NOW,
        TableLocks(target.path.parent / "locks"),
        reporter=reporter or RecordingReporter(),
        cancel=cancel or CancelToken(),
        tables=tables,
        among=among,
    )


def test_what_no_rule_wants_is_removed_and_told(tmp_path: Path) -> None:
    """Each removal is an event with size and reasons; the result sums them up; the plan had said the same."""
    target, reporter = opened(tmp_path / "backups"), RecordingReporter()
    tags = fill(target, USERS, 4)
    planned = [decision for decision in plan(target, LAST_TWO, NOW) if not decision.keep]
    result = pruned(target, reporter=reporter)
    assert list(result.removed) == planned
    assert result.removed_bytes == 8
    assert [one.tag for one in target.backups()] == tags[:2]
    assert reporter.events == [
        (
            BACKUP_REMOVED,
            {
                "repository": "local",
                "table": "users",
                "tag": tag,
                "size_bytes": 4,
                "reason": "not of the minimum 1; not of the last 2",
            },
        )
        for tag in tags[2:]
    ]


def test_planning_changes_nothing(tmp_path: Path) -> None:
    """A plan leaves every file and directory as it is, and debris too."""
    target = opened(tmp_path / "backups")
    fill(target, USERS, 4)
    (target.path / "~tmp-dead").mkdir()
    before = {(path, path.lstat().st_mtime_ns) for path in target.path.rglob("*")}
    plan(target, LAST_TWO, NOW)
    assert {(path, path.lstat().st_mtime_ns) for path in target.path.rglob("*")} == before


def test_each_table_has_its_own_policy(tmp_path: Path) -> None:
    """An override holds for its tables, the default for the others; tables that aren't asked for are left alone."""
    target = opened(tmp_path / "backups")
    overrides = Policies(Policy(keep_last=2), (TablePolicy(("ord*",), Policy(keep_last=1)),))
    users, orders = fill(target, USERS, 4), fill(target, ORDERS, 4)
    pruned(target, overrides, tables=("orders",))
    assert [one.tag for one in target.backups()] == [*orders[:1], *users]
    pruned(target, overrides)
    assert [one.tag for one in target.backups()] == [*orders[:1], *users[:2]]


def test_nothing_but_what_was_agreed_to_is_removed(tmp_path: Path) -> None:
    """A backup that the rules push out only since somebody was asked stays."""
    target = opened(tmp_path / "backups")
    tags = fill(target, USERS, 4)
    pruned(target, among={str(target.path / "users" / tag) for tag in (tags[3], tags[0])})
    assert [one.tag for one in target.backups()] == tags[:3]


def test_debris_goes_with_the_next_prune(tmp_path: Path) -> None:
    """What a crash in the middle of a removal has left is removed, and told."""
    target, reporter = opened(tmp_path / "backups", reporter=RecordingReporter()), RecordingReporter()
    grave = target.path / "~tmp-removed-1" / "content"
    grave.mkdir(parents=True)
    publish_small(target, USERS, "1733000000", NOW).rename(grave / "1733000000")
    target = opened(target.path, reporter=reporter)
    pruned(target)
    assert names(target.path) == {"~repository.json", "users"}
    assert [name for name, _ in reporter.events] == [DEBRIS_REMOVED]


def test_a_table_that_cannot_be_listed_stops_no_other(tmp_path: Path) -> None:
    """One table's failure is one error, reported once, and the others are pruned."""
    target, reporter = opened(tmp_path / "backups"), RecordingReporter()
    users = fill(target, USERS, 3)
    orders = fill(target, ORDERS, 3)
    (target.path / "orders" / orders[0] / "summary.json").unlink()
    (target.path / "orders" / orders[0] / "summary.json").mkdir()
    result = pruned(target, reporter=reporter)
    assert len(result.failed) == 1
    assert [fields["table"] for name, fields in reporter.events if name == PRUNE_FAILED] == ["orders"]
    assert [one.tag for one in target.backups("users")] == users[:2]
    assert names(target.path / "orders") >= set(orders)


def test_a_signal_stops_between_two_backups(tmp_path: Path) -> None:
    """Once the token is set nothing more is removed."""
    target, cancel = opened(tmp_path / "backups"), CancelToken()
    fill(target, USERS, 5)

    class Canceller(RecordingReporter):
        def event(self, name: str, **fields: object) -> None:
            super().event(name, **fields)
            cancel.set(143)

    with pytest.raises(RunCancelledError):
        pruned(target, reporter=Canceller(), cancel=cancel)
    assert len(target.backups()) == 4
    assert names(target.path) == {"~repository.json", "users"}


def test_links_are_not_touched(tmp_path: Path) -> None:
    """The newest backup stays, and with it the links to it: their directory keeps them as they are."""
    target = opened(tmp_path / "backups")
    tags = fill(target, USERS, 4)
    before = (target.path / "users/latest").lstat()
    pruned(target)
    assert (target.path / "users/latest").lstat() == before
    assert (target.path / "users/latest").resolve(strict=True).name == tags[0]


def test_verifying_what_was_just_removed_finds_no_damage(tmp_path: Path) -> None:
    """A backup that is removed between being listed and being verified is told to be gone, not to be damaged."""
    target = opened(tmp_path / "backups")
    publish_small(target, USERS, "1733000000", NOW)
    listing = target.find("users")
    target.remove(listing)
    with pytest.raises(NotFoundError, match="users/1733000000 was removed"):
        target.verify(listing, depth=DEEP, on_progress=lambda _done_bytes: None, cancel=CancelToken())


@pytest.mark.parametrize("is_read", [True, False])
def test_what_is_removed_while_it_is_listed_is_not_damaged(tmp_path: Path, *, is_read: bool) -> None:
    """Who lists at the moment of a removal sees the backup complete or not at all, and gets no error."""
    target = opened(tmp_path / "backups")
    publish_small(target, USERS, "1733000000", NOW - timedelta(days=1))
    location = publish_small(target, USERS, "1733000001", NOW)
    content = (location / "summary.json").read_bytes()
    (location / "summary.json").unlink()
    os.mkfifo(location / "summary.json")
    with ThreadPoolExecutor() as pool:
        listed = pool.submit(target.backups)
        # Opening waits until the list has come to read this summary.
        with (location / "summary.json").open("wb") as pipe:
            remove_backup(target.path, location)
            pipe.write(content if is_read else b"")
        assert [(one.tag, one.status) for one in listed.result()] == [("1733000000", BackupStatus.COMPLETE)]
