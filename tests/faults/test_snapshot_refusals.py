"""The node refuses the snapshot, or has one of that name that isn't ours, or takes its time."""

import json
from pathlib import Path

import pytest

from sandbox.faults import Fault
from tests.conformance.replay import load
from tests.faults.commands import Gate, assert_error, until
from tests.faults.harness import SNAPSHOTS, Station


POST = f"rest POST {SNAPSHOTS}"
TAG = "1733313018"
UNRECORDED = (500, "std::bad_alloc (std::bad_alloc)")


def recorded_refusals() -> set[tuple[int, str]]:
    """Every error that a real node was seen to answer a request for a snapshot with."""
    entries = [entry for version in ("6.2", "2026.1") for entry in load(version, "rest.json")]
    answers = [e for e in entries if e["request"] == "POST /storage_service/snapshots" and e["status"] != 200]
    return {(answer["status"], json.loads(answer["body"])["message"]) for answer in answers}


def deletions(station: Station) -> list[str]:
    """Filled with one entry for each DELETE that the node gets."""
    seen: list[str] = []
    station.node.faults.set("rest DELETE", Fault("call", action=lambda: seen.append("DELETE")))
    return seen


@pytest.mark.parametrize("exit_code", [10, 69])
def test_a_refused_snapshot_tells_the_nodes_own_words(station: Station, exit_code: int) -> None:
    """What a real node was seen to refuse a snapshot with ends by its meaning, whatever its status: 10 or 69."""
    refusals = {
        f"refused-{number}": answer
        for number, answer in enumerate(sorted({*recorded_refusals(), UNRECORDED}))
        if (10 if "Can't find" in answer[1] else 69) == exit_code
    }
    assert len(refusals) > 1
    station.create(*refusals)
    for name, answer in refusals.items():
        station.node.faults.set(POST, Fault("error", answer), containing=f"cf={name}")
    expected = {
        name: (name, "isn't ours") if "already exists" in message else (message,)
        for name, (_, message) in refusals.items()
    }
    station.assert_all_failed(station.run("backup", *refusals), exit_code, expected)


@pytest.mark.parametrize("visible", [True, False], ids=["seen", "unseen"])
def test_a_snapshot_that_is_not_ours_is_never_cleared(station: Station, tmp_path: Path, *, visible: bool) -> None:
    """A tag that somebody else has used ends with 69, even where only the node can see it; no DELETE is ever sent."""
    station.take_foreign_snapshot("users", TAG)
    sent = deletions(station)
    changes = {} if visible else {"node.data_dirs": f'["{tmp_path}"]'}
    words = (f"snapshot {TAG}", "alternator_users", "isn't ours", "another tag")
    station.assert_refused("users", 69, *words, tag=TAG, settings=changes)
    assert sent == []


def test_a_snapshot_of_a_hidden_table_is_seen_too(station: Station) -> None:
    """The node doesn't list snapshots of tables whose names start with a dot; they are respected all the same."""
    station.create(".hidden")
    station.take_foreign_snapshot(".hidden", TAG)
    sent = deletions(station)
    station.assert_refused(".hidden", 69, "isn't ours", tag=TAG)
    assert sent == []


def test_a_tag_that_has_a_backup_is_refused(station: Station) -> None:
    """One tag of a table is one backup: the second ends with 69, and the first stays."""
    tag = next(listing.tag for listing in station.known if listing.table == "users")
    station.assert_refused("users", 69, f"users/{tag} exists already", "another tag", tag=tag)


def test_a_snapshot_that_comes_late_is_used(station: Station) -> None:
    """A request that timed out may have been done all the same, or may still be: then the backup succeeds."""
    station.node.faults.set(POST, Fault("late", seconds=1.3), containing="cf=users")
    station.node.faults.set(POST, Fault("work_then_hang"), containing="cf=orders")
    result = station.run("backup", "users", "orders", settings={"node.snapshot_timeout_seconds": "1"})
    assert result.returncode == 0, result.stderr
    station.assert_clean()
    assert result.stderr.count("came late") == 2


def test_a_snapshot_that_never_comes_is_given_up(station: Station) -> None:
    """A request that isn't answered in time ends with 75; where it is done after all, the next run clears it.

    The journal keeps what nobody knows the outcome of, so that nothing of ours stays on the node for good.
    """
    gate = Gate()
    station.node.faults.set(POST, Fault("call", action=gate), times=1)
    result = station.run("backup", "users", settings={"node.snapshot_timeout_seconds": "0.3"})
    assert_error(result, 75, "REST API at", "doesn't answer within 0.3 seconds")
    assert station.snapshots() == []
    assert station.listed() == station.known
    assert len(station.journalled()) == 1
    gate.open()
    until(station.snapshots)
    station.back_up("orders")
