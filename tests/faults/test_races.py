"""What happens at the same time: the node compacts, other runs start."""

import threading
from pathlib import Path

import pytest

from tests.faults.commands import finish
from tests.faults.harness import Station


def churn(directory: Path, stop: threading.Event) -> None:
    """Make and remove files as a compaction does, as fast as can be."""
    number = 0
    while not stop.is_set():
        for name in (directory / f"churn-{number % 200}", directory / f"churn-{(number + 100) % 200}"):
            name.unlink(missing_ok=True)
        (directory / f"churn-{number % 200}").touch()
        number += 1


def test_a_compaction_while_space_is_planned_failed_the_run(station: Station) -> None:
    """Files that vanish from a table's live directory while it is looked at fail nothing."""
    (toc,) = station.live_files("orders", "TOC.txt")
    stop = threading.Event()
    churning = threading.Thread(target=churn, args=(toc.parent, stop))
    churning.start()
    try:
        for _ in range(2):
            result = station.run("backup", "users", "orders")
            assert result.returncode == 0, result.stderr
    finally:
        stop.set()
        churning.join()
    for left in toc.parent.glob("churn-*"):
        left.unlink()
    station.assert_clean()
    station.known = station.listed()


def test_runs_that_start_in_the_same_second_took_the_same_tag(station: Station) -> None:
    """Of several runs at once each backs its tables up or is told that another run has them; nothing else fails."""
    runs = [
        finish(run) for run in [station.start("backup", *tables) for tables in (("users",), ("orders", "users")) * 2]
    ]
    for run in runs:
        assert run.returncode in {0, 3, 11}, run.stderr
        assert "exists already" not in run.stderr
    assert 0 in {run.returncode for run in runs} or 3 in {run.returncode for run in runs}
    station.assert_clean()
    station.known = station.listed()


@pytest.mark.parametrize("name", ["../../etc", "y" * 5000, "..", "a/b", "users\n", ""])
def test_what_cannot_be_a_table_is_not_found_and_no_path(station: Station, name: str) -> None:
    """A name that no table can have is not found, like any other, and never becomes part of a path."""
    station.assert_refused(name, 10, "not found")


def test_the_other_case_is_a_close_name(station: Station) -> None:
    """A name in the wrong case leads to the right one."""
    station.assert_refused("USERS", 10, "'USERS' not found", "users")
