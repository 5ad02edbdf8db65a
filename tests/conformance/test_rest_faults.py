"""The fault switches on the REST API."""

import json
import time
from urllib.parse import urlencode

import pytest
import urllib3

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.replay import alternator, create_table, rest
from tests.conformance.snapshotting import TAG


QUERY = {"tag": TAG, "kn": "alternator_users", "cf": "users"}
SNAPSHOTS = "/storage_service/snapshots"


def post(sandbox: Sandbox, timeout_seconds: float) -> None:
    """Ask for a snapshot, for so long."""
    with urllib3.PoolManager(retries=False, timeout=timeout_seconds) as pool:
        pool.request("POST", f"{sandbox.api.url}{SNAPSHOTS}?{urlencode(QUERY)}")


def test_an_error_has_the_servers_envelope() -> None:
    """An `error` fault answers its status and its message in JSON, and nothing is done."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        sandbox.faults.set(f"rest POST {SNAPSHOTS}", Fault("error", (500, "std::bad_alloc (std::bad_alloc)")))
        answer = rest(sandbox, "POST", SNAPSHOTS, QUERY)
        assert (answer.status, answer.content_type) == (500, "application/json")
        assert json.loads(answer.body) == {"message": "std::bad_alloc (std::bad_alloc)", "code": 500}
        assert rest(sandbox, "GET", SNAPSHOTS).body == "[]"


def test_a_switch_can_be_for_one_query() -> None:
    """A switch that names a part of the query string, decoded, is for requests that have it only."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        fault = Fault("error", (500, "no"))
        sandbox.faults.set(f"rest POST {SNAPSHOTS}?", fault, containing="cf=users:by_age")
        assert rest(sandbox, "POST", SNAPSHOTS, QUERY).status == 200
        refused = rest(sandbox, "POST", SNAPSHOTS, QUERY | {"cf": "users:by_age"})
        assert json.loads(refused.body)["message"] == "no"


def test_work_can_be_done_without_an_answer() -> None:
    """With `work_then_hang` the client times out, and the snapshot is there."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        sandbox.faults.set(f"rest POST {SNAPSHOTS}", Fault("work_then_hang"))
        with pytest.raises(urllib3.exceptions.TimeoutError):
            post(sandbox, 0.5)
        assert TAG in rest(sandbox, "GET", SNAPSHOTS).body


def test_an_answer_can_be_late() -> None:
    """With `late` the snapshot appears after the client gave up."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        sandbox.faults.set(f"rest POST {SNAPSHOTS}", Fault("late", seconds=0.5))
        with pytest.raises(urllib3.exceptions.TimeoutError):
            post(sandbox, 0.1)
        assert rest(sandbox, "GET", SNAPSHOTS).body == "[]"
        deadline = time.monotonic() + 10
        while TAG not in rest(sandbox, "GET", SNAPSHOTS).body:
            assert time.monotonic() < deadline


def test_something_can_happen_before_the_work() -> None:
    """With `call` the action runs first: here another client drops the table just before its snapshot."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")

        def drop() -> None:
            alternator(sandbox, "DeleteTable", {"TableName": "users"})

        sandbox.faults.set(f"rest POST {SNAPSHOTS}", Fault("call", action=drop))
        answer = rest(sandbox, "POST", SNAPSHOTS, QUERY)
    assert answer.status == 500
    assert "Can't find a column family users in keyspace alternator_users" in answer.body
