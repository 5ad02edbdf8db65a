"""The journal of snapshots, and the locks of tables."""

import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from backup_core.errors import BackupError, LockHeldError, StorageError
from backup_core.journal import Journal
from backup_core.lock import TableLocks
from backup_core.model import Table


USERS = Table("users", "220f8fd0aca211f0af61efb5703633f5")
RECORD_AND_DIE = """
import os, sys
from pathlib import Path
from backup_core.journal import Journal
from backup_core.model import Table
Journal(Path(sys.argv[1])).record("1733313018", Table("users", "220f8fd0aca211f0af61efb5703633f5"))
os._exit(9)
"""
HOLD = """
import sys, time
from pathlib import Path
from backup_core.lock import TableLocks
with TableLocks(Path(sys.argv[1])).hold("users"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_entry_is_on_disk_before_anything_is_asked_for(tmp_path: Path) -> None:
    """A recorded snapshot is a readable file that says what to clear."""
    entry = Journal(tmp_path / "snapshots").record("1733313018", USERS)
    (path,) = (tmp_path / "snapshots").iterdir()
    assert json.loads(path.read_text()) == {
        "tag": "1733313018",
        "table_name": "users",
        "table_id": USERS.id,
        "keyspace": "alternator_users",
    }
    assert entry.keyspace == "alternator_users"


def test_what_a_living_run_has_recorded_is_nobody_elses(tmp_path: Path) -> None:
    """Entries of a run that lives are no orphans."""
    journal = Journal(tmp_path)
    entry = journal.record("1733313018", USERS)
    assert list(Journal(tmp_path).orphans(pytest.fail)) == []
    journal.release(entry)
    assert list(Journal(tmp_path).orphans(pytest.fail)) == [entry]


def test_what_a_dead_run_has_recorded_is_found(tmp_path: Path) -> None:
    """A run that dies without a word leaves an entry that the next one finds and can forget."""
    died = subprocess.run([sys.executable, "-c", RECORD_AND_DIE, str(tmp_path)], check=False, timeout=30)
    assert died.returncode == 9
    journal = Journal(tmp_path)
    (orphan,) = journal.orphans(pytest.fail)
    assert (orphan.tag, orphan.table_name) == ("1733313018", "users")
    journal.forget(orphan)
    assert list(Journal(tmp_path).orphans(pytest.fail)) == []


def test_a_broken_entry_is_told_and_not_forgotten(tmp_path: Path) -> None:
    """A file that is no entry is told by its name and stays; the entries beside it are found all the same."""
    broken = tmp_path / "1733313018-x.json"
    for content in ('{"tag": 1', '{"tag": "", "table_name": "users", "table_id": "x", "keyspace": ""}', "[" * 60_000):
        broken.write_text(content)
        journal = Journal(tmp_path)
        journal.release(journal.record("1733313019", USERS))
        told: list[BackupError] = []
        (orphan,) = Journal(tmp_path).orphans(told.append)
        assert orphan.tag == "1733313019"
        assert [entry for entry, _ in Journal(tmp_path).entries(told.append)] == [orphan]
        assert [broken.name in str(error) for error in told] == [True, True]
        assert broken.exists()


def test_an_entry_that_was_never_finished_is_removed(tmp_path: Path) -> None:
    """What a run that died while writing its entry has left asks for nothing, and goes."""
    (tmp_path / "1733313018-x.tmp").write_text("{")
    assert list(Journal(tmp_path).orphans(pytest.fail)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Without a journal no snapshot is asked for: recording fails where the directory can't be made."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="journal"):
        Journal(tmp_path / "file" / "snapshots").record("1733313018", USERS)


def test_a_table_is_backed_up_once_at_a_time(tmp_path: Path) -> None:
    """The second holder of a lock is told who has it; a killed holder holds nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockHeldError, match="users"), TableLocks(tmp_path).hold("users"):
            pass
        holder.kill()
        holder.wait()
    with TableLocks(tmp_path).hold("users"), TableLocks(tmp_path).hold("Users"):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["Users.lock", "users.lock"]


def test_empty_lock_files_stayed_for_ever(tmp_path: Path) -> None:
    """Whoever lets go of a lock takes its file away, and all the same nobody holds it beside somebody else."""
    inside, most_inside, held = [0], [0], [0]

    def hold_often() -> None:
        for _ in range(100):
            with suppress(LockHeldError), TableLocks(tmp_path).hold("users"):
                inside[0] += 1
                most_inside[0] = max(most_inside[0], inside[0])
                held[0] += 1
                time.sleep(0)
                inside[0] -= 1

    threads = [threading.Thread(target=hold_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held[0]
    assert most_inside[0] == 1
    assert list(tmp_path.iterdir()) == []
