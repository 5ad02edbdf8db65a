import shutil
from pathlib import Path

import pytest

from backup_core.events import CATALOGUE_REBUILT, OBJECTS_PLANNED
from backup_core.repository.listing import BackupStatus
from tests.incremental_site import KEYS, Pace, Site, two_sstables
from tests.repository_backups import USERS
from tests.small_node import SmallNode
from tests.storage_samples import MIB, keys


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """With two SSTables."""
    return two_sstables(tmp_path)


def test_the_first_backup_sends_everything(site: Site) -> None:
    """Each SSTable becomes two objects, compressed where that helps; the backup gives back every byte."""
    listing = site.back_up()
    assert [name for name in site.sent() if not name.startswith("snapshot-")] == [
        "1-Data.db.zst",
        "1-components.tar.zst",
        "2-Data.db",
        "2-components.tar.zst",
    ]
    assert (listing.status, listing.mode) == (BackupStatus.COMPLETE, "incremental")
    assert listing.sent_bytes == listing.size_bytes
    assert site.restored(listing) == site.node.files(USERS)


def test_the_second_backup_sends_what_is_new(site: Site) -> None:
    """What hasn't changed isn't read or sent again: backups share it, and each gives back its own files."""
    first, files = site.back_up(), site.node.files(USERS)
    site.sent()
    site.node.compact(USERS, "1")
    site.node.write(USERS, "3", b"new rows")
    second = site.back_up()
    assert site.sent() == ["3-Data.db", "3-components.tar.zst"]
    assert site.restored(first) == files
    assert site.restored(second) == site.node.files(USERS)
    assert second.sent_bytes is not None
    assert second.sent_bytes < MIB < second.size_bytes


def test_a_backup_of_nothing_new_puts_two_objects(site: Site) -> None:
    """Where nothing has changed a run reads none of the data, lists nothing, and puts summary and manifest alone."""
    site.back_up()
    before = set(keys(site.storage))
    site.storage.list = None  # type: ignore[assignment,method-assign]  # whoever lists fails
    table = site.snapshot()
    pace = Pace()
    site.repository().store(site.context, table, pace)
    del site.storage.list
    assert set(keys(site.storage)) - before == {KEYS.manifest(table.snapshot.tag), KEYS.summary(table.snapshot.tag)}
    # The snapshot's own files are new each time.
    own = sum(file.size_bytes for file in table.snapshot.metadata)
    assert (pace.read_bytes, pace.skipped_bytes) == (own, table.snapshot.size_bytes - own)


def test_data_on_another_disk_is_known_by_its_digest(site: Site) -> None:
    """Where every file is a new one to the file system, components are read, and data is known without that."""
    site.back_up()
    shutil.copytree(site.directory / "data", site.directory / "new")
    site.node = SmallNode(site.directory / "new")
    site.sent()
    table, pace = site.snapshot(), Pace()
    site.repository().store(site.context, table, pace)
    assert site.sent() == []
    assert pace.read_bytes < MIB
    again = Pace()
    site.repository().store(site.context, site.snapshot(), again)
    assert again.read_bytes < pace.read_bytes


def test_rewritten_statistics_are_stored_beside_the_former_ones(site: Site) -> None:
    """The server rewrites Statistics.db in place: only the components go again, and no former backup changes."""
    first, files = site.back_up(), site.node.files(USERS)
    site.sent()
    site.node.write_statistics(USERS, "1", b"level 1")
    second = site.back_up()
    (name,) = site.sent()
    assert name.startswith("1-")
    assert name.endswith("-components.tar.zst")
    assert name != "1-components.tar.zst"
    assert site.restored(first) == files
    assert site.restored(second) == site.node.files(USERS) != files


def test_a_generation_that_comes_again_is_another_object(site: Site) -> None:
    """Other data under a former SSTable's name, of the same size even, is stored under a name with its hash."""
    first, files = site.back_up(), site.node.files(USERS)
    site.node.compact(USERS, "1")
    site.node.write(USERS, "1", b"swor" * 1000)
    second = site.back_up()
    assert site.restored(first) == files
    assert site.restored(second) == site.node.files(USERS) != files


def test_a_renamed_sstable_keeps_its_data(site: Site) -> None:
    """An SSTable that got another generation is the same file: its data isn't sent again."""
    site.back_up()
    site.sent()
    site.node.link(USERS, "2", "7")
    site.node.compact(USERS, "2")
    listing = site.back_up()
    assert site.sent() == ["7-components.tar.zst"]
    assert site.restored(listing) == site.node.files(USERS)


def test_no_object_is_two_sstables_of_one_backup(site: Site) -> None:
    """Two SSTables with the same data are two objects: whoever restores needn't know better."""
    site.back_up()
    site.node.link(USERS, "2", "8")
    listing = site.back_up()
    objects = [file.object for file in site.repository().manifest(listing).files if file.name.endswith("Data.db")]
    assert len(set(objects)) == 3
    assert site.restored(listing) == site.node.files(USERS)


def test_a_catalogue_that_is_lost_is_made_anew(site: Site) -> None:
    """Without its state a node learns from the manifests what is stored: data isn't sent again."""
    site.back_up()
    site.node.write(USERS, "3", b"new rows")
    site.back_up()
    site.sent()
    shutil.rmtree(site.state)
    listing = site.back_up()
    assert (CATALOGUE_REBUILT, {"table": "users", "repository": "offsite", "objects": 7}) in site.reporter.events
    assert site.sent() == []
    assert site.restored(listing) == site.node.files(USERS)


def test_what_was_planned_is_told(site: Site) -> None:
    """A run tells how much of a snapshot is stored already."""
    site.back_up()
    site.sent()
    site.node.write(USERS, "3", b"new rows")
    site.back_up()
    (fields,) = (fields for name, fields in site.reporter.events if name == OBJECTS_PLANNED)
    assert (fields["stored"], fields["missing"]) == (5, 2)
    assert fields["stored_bytes"] > 3 * MIB > fields["missing_bytes"] > len(b"new rows")


def test_the_digest_is_as_old_as_its_oldest_look(site: Site) -> None:
    """A backup says since when all of its data has been held against its digests, not that it was done anew."""
    first = site.back_up()
    verified = site.repository().manifest(first).verified.digest
    site.node.write(USERS, "3", b"new rows")
    assert site.repository().manifest(site.back_up()).verified.digest == verified
