"""What root takes of a request for a drill, whoever wrote it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.errors import BackupError
from daemon.drill_requests import REQUEST, TAKEN, DrillRequest, DrillRequests
from tests.schedule_samples import made


FOUND = made(
    drills={"every": "1d", "what": "drill", "tables": ["users", "orders_*"], "exclude": ["orders_old"]},
    nightly={"every": "1d"},
)
GOOD = {"format_version": 1, "schedule": "drills", "table": "users"}


def take(directory: Path, content: bytes) -> DrillRequest | None:
    """What root makes of a file with this content; it is gone afterwards."""
    (directory / REQUEST).write_bytes(content)
    try:
        with DrillRequests(directory).taken(FOUND) as request:
            assert (directory / TAKEN).exists()
            return request
    finally:
        assert list(directory.iterdir()) == []


def test_a_request_that_a_schedule_makes_is_taken(tmp_path: Path) -> None:
    """And where nobody asks for anything, nothing is taken."""
    assert take(tmp_path, json.dumps(GOOD).encode()) == DrillRequest("drills", "users")
    with DrillRequests(tmp_path).taken(FOUND) as request:
        assert request is None
    with DrillRequests(tmp_path / "missing").taken(FOUND) as request:
        assert request is None


@pytest.mark.parametrize(
    "changes",
    [
        {"table": "orders_old"},
        {"table": "accounts"},
        {"table": "../../etc"},
        {"table": ["users"]},
        {"schedule": "nightly"},
        {"schedule": "unknown"},
        {"schedule": None},
        {"format_version": 2},
        {"more": 1},
        {"table": "users", "padding": "x" * 10_000},
    ],
    ids=str,
)
def test_what_no_schedule_asks_for_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Only a table that a drill's schedule of root's settings selects, and nothing beside it."""
    with pytest.raises(BackupError, match="refused"):
        take(tmp_path, json.dumps(GOOD | changes).encode())


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=4),
    max_leaves=8,
)


@given(st.binary(max_size=5000) | _VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_it_holds_it_is_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No content breaks it."""
    with pytest.raises(BackupError, match="refused"):
        take(tmp_path_factory.mktemp("requests"), content)


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_only_a_file_is_read(tmp_path: Path, kind: str) -> None:
    """A link leads nowhere, and nobody waits for what comes through a pipe."""
    (tmp_path / "secret").write_text(json.dumps(GOOD))
    path = tmp_path / "requests" / REQUEST
    path.parent.mkdir()
    if kind == "link":
        path.symlink_to(tmp_path / "secret")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(BackupError), DrillRequests(path.parent).taken(FOUND):
        pytest.fail("it was taken")
