"""Loading into a node that is busy, refuses, breaks off or is cut short: everything is loaded, or nothing stays."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from backup_core.cancel import CancelToken
from backup_core.context import Context
from backup_core.errors import BackupError, NodeRefusedError, RunCancelledError, SourceError, StorageFullError
from backup_core.events import RESTORE_BATCH_FAILED, RESTORE_BATCH_LOADED, RESTORE_LOAD_WAITING
from backup_core.floor import Floor
from backup_core.model import Table
from backup_core.pipeline import backup_table
from backup_core.restore.loading import ATTEMPTS, load_table
from backup_core.restore.model import BackupSource
from backup_core.restore.staged_backups import stage_backups
from backup_core.table_id import get_table_id
from daemon.settings_file import load_settings
from daemon.wiring import node_context
from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, simple_table
from tests.conformance.replay import rest
from tests.repository_backups import RecordingReporter


LOAD = "rest POST /storage_service/sstables"
ITEMS = 40
FLUSHES = 20
"""More SSTables than the node loads at a time, so that it can fail with part of them consumed."""


@dataclass
class Scene:
    """A table whose backup is to be loaded into its successor, which is empty."""

    node: Sandbox
    settings_file: Path
    context: Context
    reporter: RecordingReporter
    source: BackupSource
    table: Table

    @property
    def upload(self) -> Path:
        """The new table's `upload/`."""
        return self.node.data_directory / self.table.keyspace / self.table.directory_name / "upload"

    @property
    def staging(self) -> Path:
        """Where restores stage unless the settings say so."""
        return self.node.data_directory.parent / "alternator-backup-staging"

    def load(self, context: Context | None = None, **options: Any) -> None:
        """Stage and load."""
        context = context or self.context
        with stage_backups(context, (self.source,), nodes=1) as staged:
            load_table(context, self.table, staged, **options)

    def count(self) -> int:
        """How many items the table has."""
        found: int = client(self.node).scan(TableName="users", Select="COUNT")["Count"]
        return found

    def told(self, name: str) -> list[dict[str, Any]]:
        """What was told of an event."""
        return [fields for event, fields in self.reporter.events if event == name]

    def assert_clean(self) -> None:
        """Nothing of ours is left on the node."""
        assert list(self.upload.iterdir()) == []
        assert not self.staging.exists() or list(self.staging.iterdir()) == []


@pytest.fixture
def scene(node: Sandbox, settings_file: Path) -> Iterator[Scene]:
    """A backup of many SSTables, and an empty table to load it into."""
    reporter, dynamodb = RecordingReporter(), client(node)
    dynamodb.create_table(**simple_table("users"))
    with ExitStack() as stack:
        context = stack.enter_context(node_context(load_settings(settings_file), reporter, CancelToken()))
        for number in range(ITEMS):
            dynamodb.put_item(TableName="users", Item={"pk": {"S": f"{number}"}, "sk": {"S": "b"}})
            if number % (ITEMS // FLUSHES) == 0:
                rest(node, "POST", "/storage_service/keyspace_flush/alternator_users", {})
        backup_table(context, "users")
        dynamodb.delete_table(TableName="users")
        dynamodb.create_table(**simple_table("users"))
        (repository,) = context.repositories
        listing = repository.find("users")
        source = BackupSource(repository, listing, repository.manifest(listing), {})
        yield Scene(node, settings_file, context, reporter, source, get_table_id(context, "users"))


def test_everything_is_loaded(scene: Scene) -> None:
    """All items are there, `upload/` and staging are empty."""
    scene.load()
    assert scene.count() == ITEMS
    assert [fields["sstables"] >= FLUSHES for fields in scene.told(RESTORE_BATCH_LOADED)] == [True]
    scene.assert_clean()


def test_batch_by_batch(scene: Scene) -> None:
    """Batches are loaded one after the other, from staging, or each unpacked and checked again when its turn comes."""
    most_bytes = (scene.source.listing.plain_size_bytes or 0) // 4
    with stage_backups(scene.context, (scene.source,), nodes=1, most_batch_bytes=most_bytes) as staged:
        assert len(staged.batches) >= 4
        load_table(scene.context, scene.table, staged)
        assert scene.count() == ITEMS
        with staged.staged(staged.batches[1]) as directory:
            assert set(directory.names()) == staged.batches[1].file_names
        load_table(scene.context, scene.table, staged)
    told = [(fields["batch"], fields["batches"]) for fields in scene.told(RESTORE_BATCH_LOADED)]
    assert told == [(number, len(staged.batches)) for number in range(1, len(staged.batches) + 1)] * 2
    assert scene.count() == ITEMS
    scene.assert_clean()


def test_no_room(scene: Scene) -> None:
    """A disk on which the data would cross the floor is refused before anything is unpacked or placed."""
    full = replace(scene.context, floor=Floor.parse("99.999%"))
    with pytest.raises(StorageFullError, match="Not enough space .* may be needed"):
        scene.load(full)
    assert scene.count() == 0
    scene.assert_clean()


def test_a_busy_node_is_waited_for(scene: Scene) -> None:
    """A node that loads already is no failure: ours begins when the other load is done, and that is told once."""
    answer = (500, {"message": "Already loading SSTables. Try again later", "code": 500})
    scene.node.faults.set(LOAD, Fault("error", answer=answer), times=3)
    scene.load()
    assert scene.count() == ITEMS
    assert len(scene.told(RESTORE_LOAD_WAITING)) == 1
    assert scene.told(RESTORE_BATCH_FAILED) == []
    scene.assert_clean()


@pytest.mark.parametrize("first", [0, 16])
def test_a_batch_that_fails_is_loaded_again(scene: Scene, first: int) -> None:
    """The node fails before or after it has consumed part of a batch: all of it is placed again, and loaded."""
    scene.node.faults.set(f"load alternator_users.users {first}", Fault("error", answer="disk is tired"), times=1)
    scene.load()
    assert scene.count() == ITEMS
    (failed,) = scene.told(RESTORE_BATCH_FAILED)
    assert "disk is tired" in failed["error"]
    scene.assert_clean()


def test_a_batch_that_fails_for_good(scene: Scene) -> None:
    """After some attempts it is given up with the node's own words; what was placed is gone."""
    scene.node.faults.set("load alternator_users.users 16", Fault("error", answer="malformed_sstable_exception (x)"))
    with pytest.raises(NodeRefusedError, match=r"malformed_sstable_exception \(x\)"):
        scene.load()
    assert len(scene.told(RESTORE_BATCH_FAILED)) == ATTEMPTS - 1
    scene.assert_clean()


def test_a_success_that_is_none(scene: Scene) -> None:
    """The node says that it has loaded, and hasn't: what is left in `upload/` tells, and it is tried again."""
    scene.node.faults.set(LOAD, Fault("error", answer=(200, None)), times=1)
    scene.load()
    assert scene.count() == ITEMS
    (failed,) = scene.told(RESTORE_BATCH_FAILED)
    assert "and left" in failed["error"]
    scene.assert_clean()


def test_a_broken_connection(scene: Scene) -> None:
    """No answer says nothing: once the node is done with whatever it did, the batch is loaded again as a whole."""
    scene.node.faults.set(LOAD, Fault("drop"), times=1)
    scene.load()
    assert scene.count() == ITEMS
    assert len(scene.told(RESTORE_BATCH_FAILED)) == 1
    scene.assert_clean()


def test_cancelled_while_the_node_loads(scene: Scene) -> None:
    """A node that is loading goes on with its files; run again, the restore waits, clears them, and ends the work."""
    cancel, begun = CancelToken(), threading.Event()
    scene.node.faults.set("load alternator_users.users 16", Fault("hang"), times=1)
    scene.node.faults.set(LOAD, Fault("call", action=begun.set), times=1)
    watcher = threading.Thread(target=lambda: begun.wait(20) and cancel.set(143))
    watcher.start()
    with (
        node_context(load_settings(scene.settings_file), scene.reporter, cancel) as cancelled,
        pytest.raises(RunCancelledError),
    ):
        scene.load(cancelled)
    watcher.join()
    assert list(scene.upload.iterdir()) != []
    assert list(scene.staging.iterdir()) == []
    with pytest.raises(SourceError, match="isn't empty"):
        scene.load()
    scene.node.faults.clear()
    scene.load(resuming=True)
    assert scene.count() == ITEMS
    scene.assert_clean()


def test_files_of_others_are_left_alone(scene: Scene) -> None:
    """An `upload/` with a file that we haven't put there is refused, by a restore that goes on as well."""
    (scene.upload / "me-99-big-Data.db").write_bytes(b"1")
    for resuming in (False, True):
        with pytest.raises(SourceError, match=r"upload isn't empty: me-99-big-Data\.db"):
            scene.load(resuming=resuming)
    assert [path.name for path in scene.upload.iterdir()] == ["me-99-big-Data.db"]
    assert scene.count() == 0


def test_a_damaged_backup_touches_nothing(scene: Scene) -> None:
    """One wrong byte in the archive ends it before the node is asked for anything."""
    archive = Path(scene.source.listing.location, "users_backup.tar.gz")
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    requests: list[None] = []
    scene.node.faults.set(LOAD, Fault("call", action=lambda: requests.append(None)))
    with pytest.raises(BackupError, match="damaged"):
        scene.load()
    assert requests == []
    scene.assert_clean()


def test_the_same_files_into_two_tables(scene: Scene) -> None:
    """What was staged once can be loaded once more: kept, or unpacked again."""
    client(scene.node).create_table(**simple_table("copy"))
    copy = get_table_id(scene.context, "copy")
    with stage_backups(scene.context, (scene.source,), nodes=1) as staged:
        load_table(scene.context, copy, staged, keep=True)
        load_table(scene.context, scene.table, staged)
        load_table(scene.context, scene.table, staged)
    assert scene.count() == client(scene.node).scan(TableName="copy", Select="COUNT")["Count"] == ITEMS
    scene.assert_clean()
