"""The history of runs: what it remembers, and that it never stands in anybody's way."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from backup_core.events import HISTORY_FAILED, HISTORY_REBUILT, HISTORY_SET_ASIDE
from backup_core.model import Table
from daemon.history import KEPT_DAYS, History
from daemon.history_reading import remembered
from daemon.history_records import Outcome, TableVerified
from tests.history_samples import at, result, run
from tests.repository_backups import RecordingReporter, opened, publish


DIE_WHILE_WRITING = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE runs SET error = 'half done'")
for number in range(2000):
    connection.execute("INSERT INTO handled VALUES (?, ?)", (f"schedule{number}", "x" * 200))
os._exit(9)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is to be."""
    return tmp_path / "state" / "history.sqlite3"


@pytest.fixture
def reporter() -> RecordingReporter:
    """Hears what becomes of the history."""
    return RecordingReporter()


@pytest.fixture
def history(path: Path, reporter: RecordingReporter) -> Iterator[History]:
    """A new history."""
    with closing(History.open(path, [], reporter)) as history:
        yield history


def names(reporter: RecordingReporter) -> list[str]:
    """Names of the events."""
    return [name for name, _ in reporter.events]


def test_the_last_verification_of_each_table_is_remembered(history: History, path: Path) -> None:
    """With what came of it, and when nothing was found last; backups don't count."""
    for run_id, hours, outcome in (("a", 0, Outcome.SUCCEEDED), ("b", 24, Outcome.FAILED)):
        history.run_started(replace(run(run_id, hours), what="verify"))
        history.table_finished(result(run_id, "users", hours + 1, outcome, "" if run_id == "a" else "damaged"))
    history.table_finished(result("a", "votes", 1))
    history.run_started(run("c", 48))
    history.table_finished(result("c", "users", 49))

    users, votes = remembered(path).last_verified

    assert users == TableVerified("users", at(25), Outcome.FAILED, "damaged", at(1))
    assert votes == TableVerified("votes", at(1), Outcome.SUCCEEDED, "", at(1))


def test_a_run_is_remembered_with_its_tables(history: History) -> None:
    """The last run of each schedule that asked for it, with what came of how many tables."""
    history.run_started(run("a", 0, ("nightly", "weekly")))
    history.table_finished(result("a", "users", 0.5))
    history.table_finished(result("a", "votes", 0.6, Outcome.FAILED, "disk full"))
    history.run_finished("a", Outcome.INCOMPLETE, at(1))
    history.run_started(run("b", 24))

    nightly, weekly = history.last_runs()["nightly"], history.last_runs()["weekly"]

    assert (nightly.run, nightly.outcome, nightly.finished_at) == (run("b", 24), None, None)
    assert weekly.run == run("a", 0, ("nightly", "weekly"))
    assert (weekly.outcome, weekly.finished_at) == (Outcome.INCOMPLETE, at(1))
    assert (weekly.succeeded, weekly.failed) == (1, 1)


@pytest.mark.parametrize("outcome", [None, Outcome.CANCELLED, Outcome.INTERRUPTED])
def test_a_failed_run_was_forgotten_while_the_next_was_under_way(
    history: History, path: Path, outcome: Outcome | None
) -> None:
    """The newest run that came to an end of its own tells how things are, also after one that was cut short."""
    history.run_started(run("a"))
    history.run_finished("a", Outcome.FAILED, at(1), "the node is down")
    history.run_started(run("b", 24))
    if outcome is not None:
        history.run_finished("b", outcome, at(25))
    told = remembered(path)
    assert told.last_runs["nightly"].outcome is outcome
    assert (told.last_judged["nightly"].run, told.last_judged["nightly"].error) == (run("a"), "the node is down")


def test_a_new_history_knows_nothing_and_says_nothing(history: History, reporter: RecordingReporter) -> None:
    """The first start of all is no event."""
    assert (history.last_runs(), history.last_errors(), history.last_handled()) == ({}, (), {})
    assert history.last_success("users") is None
    assert reporter.events == []


def test_the_newest_error_of_each_table_is_kept_and_whether_it_came_right(history: History) -> None:
    """A table that has succeeded since says when; an older error gives way to a newer one."""
    for run_id, hours in (("a", 0), ("b", 24), ("c", 48)):
        history.run_started(run(run_id, hours))
    history.table_finished(result("a", "users", 0.5, Outcome.FAILED, "first"))
    history.table_finished(result("b", "users", 24.5, Outcome.INCOMPLETE, "second"))
    history.table_finished(result("b", "votes", 24.5, Outcome.FAILED, "only"))
    history.table_finished(result("c", "votes", 48.5))

    users, votes = history.last_errors()

    assert (users.table, users.error, users.tag, users.failed_at) == ("users", "second", run("b", 24).tag, at(24.5))
    assert (users.outcome, users.succeeded_at) == (Outcome.INCOMPLETE, None)
    assert (votes.error, votes.succeeded_at) == ("only", at(48.5))
    assert (history.last_success("votes"), history.last_success("users")) == (at(48.5), None)


def test_a_table_that_is_tried_again_in_a_run_has_its_last_outcome(history: History) -> None:
    """A retry that succeeds leaves no error."""
    history.run_started(run("a"))
    history.table_finished(result("a", "users", 0.5, Outcome.FAILED, "node down"))
    history.table_finished(result("a", "users", 1))

    assert history.last_errors() == ()
    assert history.last_success("users") == at(1)


def test_handled_times_survive_and_never_go_back(path: Path, reporter: RecordingReporter) -> None:
    """The newest counts, in whatever order they are handled, and the next start knows it."""
    with closing(History.open(path, [], reporter)) as history:
        for hours in (24, 48, 0):
            history.schedule_handled("nightly", at(hours))
    with closing(History.open(path, [], reporter)) as history:
        assert history.last_handled() == {"nightly": at(48)}


def test_a_run_without_an_end_was_interrupted(path: Path, reporter: RecordingReporter) -> None:
    """The next start says so; nobody knows when it ended."""
    with closing(History.open(path, [], reporter)) as history:
        history.run_started(run("a"))
    with closing(History.open(path, [], reporter)) as history:
        past = history.last_runs()["nightly"]
        assert (past.outcome, past.finished_at) == (Outcome.INTERRUPTED, None)


def test_old_runs_are_forgotten_but_for_the_last_of_each_schedule(history: History) -> None:
    """So the file doesn't grow for ever, and a yearly schedule still has its last run."""
    history.run_started(run("yearly", 0, ("yearly",)))
    history.run_started(run("old", 0))
    history.table_finished(result("old", "users", 1, Outcome.FAILED, "long ago"))
    history.run_started(run("new", 24 * (KEPT_DAYS + 1)))

    assert {name: past.run.run_id for name, past in history.last_runs().items()} == {
        "nightly": "new",
        "yearly": "yearly",
    }
    assert history.last_errors() == ()


def test_threads_write_at_the_same_time(history: History, reporter: RecordingReporter) -> None:
    """Nothing is lost, and nobody is refused."""
    history.run_started(run("a"))

    def write(first: int) -> None:
        for number in range(first, first + 25):
            history.table_finished(result("a", f"table{number}", 1))

    threads = [threading.Thread(target=write, args=(25 * place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert history.last_runs()["nightly"].succeeded == 100
    assert reporter.events == []


def garbage(path: Path) -> None:
    """No SQLite at all."""
    path.write_bytes(b"once upon a time " * 1000)


def cut_off(path: Path) -> None:
    """A copy that ended too early."""
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    """Pages that a bad disk has lost."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\0" * (size - 100))


def another_database(path: Path) -> None:
    """Something else of SQLite's."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")


def newer_version(path: Path) -> None:
    """Written by a version to come."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def missing_table(path: Path) -> None:
    """Somebody has tidied up."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE handled")


def directory(path: Path) -> None:
    """No file."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage", [garbage, cut_off, overwritten, another_database, newer_version, missing_table, directory]
)
def test_a_broken_history_is_set_aside_and_rebuilt(
    damage: Callable[[Path], None], path: Path, tmp_path: Path, reporter: RecordingReporter
) -> None:
    """The old file is kept under another name, the new one has what the repositories tell, and works."""
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data")
    with closing(History.open(path, [], reporter)) as history:
        history.run_started(run("a"))
    damage(path)

    with closing(History.open(path, [repository], reporter)) as history:
        assert history.last_runs() == {}
        assert history.last_success("users") is not None
        history.run_started(run("b"))
        assert history.last_runs()["nightly"].run == run("b")

    (aside,) = path.parent.glob("history.sqlite3.broken-*")
    assert names(reporter) == [HISTORY_SET_ASIDE, HISTORY_REBUILT]
    assert reporter.events[0][1]["set_aside"] == str(aside)
    assert reporter.events[1][1] == {"runs": 1, "tables": 1, "unread": []}


def test_a_lost_history_is_rebuilt(path: Path, tmp_path: Path, reporter: RecordingReporter) -> None:
    """A run for each tag, with the tables that every backup of it tells of; errors and schedules are lost."""
    local, other = opened(tmp_path / "backups"), opened(tmp_path / "others")
    votes = Table("votes", "330f8fd0aca211f0af61efb5703633f5")
    publish(local, tmp_path / "data1")
    publish(other, tmp_path / "data2")
    publish(local, tmp_path / "data3", votes)
    publish(local, tmp_path / "data4", votes, "1733399418")

    with closing(History.open(path, [local, other], reporter)) as history:
        assert reporter.events[-1] == (HISTORY_REBUILT, {"runs": 2, "tables": 3, "unread": []})
        newest = history.last_success("votes")
        assert newest is not None
        assert newest > (history.last_success("users") or newest)


def test_a_repository_that_tells_nothing_is_named(path: Path, tmp_path: Path, reporter: RecordingReporter) -> None:
    """The others tell what they have."""
    repository = opened(tmp_path / "backups")
    publish(repository, tmp_path / "data")
    (tmp_path / "file").write_text("")
    blocked = opened(tmp_path / "blocked")
    blocked.path = tmp_path / "file"

    with closing(History.open(path, [blocked, repository], reporter)) as history:
        assert history.last_success("users") is not None
    ((name, fields),) = reporter.events
    assert name == HISTORY_REBUILT
    assert "file" in fields["unread"][0]


def test_what_a_killed_writer_left_half_done_is_undone(path: Path, reporter: RecordingReporter) -> None:
    """Neither the next daemon nor a verb that only reads takes that for broken."""
    with closing(History.open(path, [], reporter)) as history:
        history.run_started(run("a"))
    for read_first in (True, False):
        died = subprocess.run([sys.executable, "-c", DIE_WHILE_WRITING, str(path)], check=False, timeout=30)
        assert died.returncode == 9
        assert path.with_name("history.sqlite3-journal").exists()
        if read_first:
            assert remembered(path).last_runs["nightly"].error == ""
        with closing(History.open(path, [], reporter)) as history:
            assert history.last_runs()["nightly"].error == ""
    assert reporter.events == []


def test_a_journal_is_never_played_into_another_file(path: Path, reporter: RecordingReporter) -> None:
    """What a killed writer left goes aside together with the broken file that it belongs to."""
    with closing(History.open(path, [], reporter)) as history:
        history.run_started(run("a"))
    subprocess.run([sys.executable, "-c", DIE_WHILE_WRITING, str(path)], check=False, timeout=30)
    directory(path)

    with closing(History.open(path, [], reporter)) as history:
        history.run_started(run("b"))

    with closing(History.open(path, [], reporter)) as history:
        assert history.last_runs()["nightly"].run == run("b")
    assert len(list(path.parent.glob("history.sqlite3.broken-*-journal"))) == 1
    assert names(reporter) == [HISTORY_SET_ASIDE]


@pytest.mark.parametrize("damage", [Path.unlink, garbage])
def test_a_history_that_breaks_while_it_is_used_is_replaced(
    damage: Callable[[Path], None], path: Path, reporter: RecordingReporter
) -> None:
    """The run under way goes into the new file, which the next start finds."""
    with closing(History.open(path, [], reporter)) as history:
        history.run_started(run("a"))
        damage(path)
        history.table_finished(result("a", "users", 1))
        history.run_finished("a", Outcome.SUCCEEDED, at(2))

    assert HISTORY_FAILED not in names(reporter)
    with closing(History.open(path, [], reporter)) as history:
        past = history.last_runs()["nightly"]
        assert (past.outcome, past.succeeded) == (Outcome.SUCCEEDED, 1)


def test_a_history_that_cannot_be_written_is_told_of_once(tmp_path: Path, reporter: RecordingReporter) -> None:
    """Every call goes well all the same, and while the daemon lives, it remembers."""
    (tmp_path / "file").write_text("")
    with closing(History.open(tmp_path / "file" / "history.sqlite3", [], reporter)) as history:
        history.run_started(run("a"))
        history.table_finished(result("a", "users", 1))
        history.schedule_handled("nightly", at(0))
        assert history.last_success("users") == at(1)

    assert names(reporter) == [HISTORY_FAILED]


@pytest.mark.slow
def test_a_history_that_is_locked_fails_once_and_then_goes_on(path: Path, reporter: RecordingReporter) -> None:
    """Nothing is set aside for that; each time that it fails anew is told."""
    with closing(History.open(path, [], reporter)) as history, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        history.run_started(run("a"))
        other.rollback()
        history.run_started(run("b"))
        assert history.last_runs()["nightly"].run == run("b")

    assert names(reporter) == [HISTORY_FAILED]
    assert "locked" in reporter.events[0][1]["error"]


def test_nothing_is_written_after_the_end(path: Path, reporter: RecordingReporter) -> None:
    """A late thread is no error of the daemon."""
    history = History.open(path, [], reporter)
    history.close()
    history.run_started(run("a"))
    assert history.last_runs() == {}
    assert names(reporter) == [HISTORY_FAILED]


def test_only_its_user_may_read_it(history: History, path: Path) -> None:
    """Errors name tables and paths."""
    history.run_started(run("a"))
    assert path.stat().st_mode & 0o777 == 0o600


def test_reading_leaves_a_broken_file_alone(path: Path) -> None:
    """The verbs say what is wrong, and leave setting aside to the daemon; a missing one is no problem."""
    assert remembered(path).problem == ""
    path.parent.mkdir()
    garbage(path)
    assert "file is not a database" in remembered(path).problem
    assert [found.name for found in path.parent.iterdir()] == [path.name]
