"""CQL answers as real nodes gave them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from cassandra.cluster import Session

from tests.conformance.cql_client import answer, connected
from tests.conformance.replay import VERSIONS, assert_same, load, recorded_life, volatile_paths


Connect = Callable[[str], Session]


@pytest.fixture(scope="module")
def session_with() -> Iterator[Connect]:
    """Sessions with sandboxes that lived as the recorded nodes did, one for each version."""
    with ExitStack() as stack:
        sessions: dict[str, Session] = {}

        def connect(version: str) -> Session:
            if version not in sessions:
                sandbox = stack.enter_context(recorded_life(version))
                sessions[version] = stack.enter_context(connected(sandbox.cql))
            return sessions[version]

        yield connect


@pytest.mark.parametrize(("version", "label"), [(v, label) for v in VERSIONS for label in load(v, "cql.json")])
def test_statement_is_answered_as_recorded(session_with: Connect, version: str, label: str) -> None:
    """Columns, rows and errors of every recorded statement are the real node's, but for ids and times."""
    recorded = load(version, "cql.json")[label]
    statement = recorded.pop("statement")
    assert_same(
        recorded,
        answer(session_with(version), statement),
        volatile=volatile_paths(version, "cql.json", label),
        unordered=() if statement.startswith("DESCRIBE") else ("rows",),
        what=statement,
    )
