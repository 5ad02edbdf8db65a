"""The REST API answers like the recorded nodes."""

import json
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conformance.replay import (
    VERSIONS,
    assert_same,
    create_table,
    normalised,
    recorded_life,
    replay_rest,
    rest,
    volatile_paths,
)


# Lists in the order of a hash table or of a directory on the real node.
UNORDERED = {
    "GET /storage_service/keyspaces": ("",),
    "GET /column_family/name": ("",),
    "GET /storage_service/snapshots": ("", "*/value"),
    "GET /storage_service/describe_ring/": ("",),
    "GET /storage_service/range_to_endpoint_map/": ("",),
}


def unordered_paths(request: str) -> tuple[str, ...]:
    """Paths of the lists without an order in the answer to a request."""
    return next((paths for prefix, paths in UNORDERED.items() if request.startswith(prefix)), ())


def parsed(body: str) -> Any:
    """A body's value; that of a void answer is empty text."""
    return json.loads(body) if body else ""


@pytest.mark.parametrize("version", VERSIONS)
def test_answers_are_the_recorded_ones(version: str) -> None:
    """Each recorded request, sent in order, is answered with the same status, content type and body."""
    with recorded_life(version) as sandbox:
        for label, entry, answer in replay_rest(sandbox, version):
            assert (answer.status, answer.content_type) == (entry["status"], entry["content_type"]), (label, answer)
            assert_same(
                parsed(entry["body"]),
                parsed(answer.body),
                volatile=volatile_paths(version, "rest.json", label),
                unordered=unordered_paths(label),
                what=label,
            )
            if label == "GET /storage_service/snapshots":
                assert empty_parts(entry["body"]) == empty_parts(answer.body)


def empty_parts(body: str) -> set[tuple[str, str]]:
    """Tag and name of the listed column families whose snapshots hold no SSTables."""
    return {
        (normalised(snapshot["key"]), part["cf"])
        for snapshot in json.loads(body)
        for part in snapshot["value"]
        if part["total"] == 0
    }


def test_a_table_on_vnodes_has_no_tablet_map() -> None:
    """Asked for the tokens of one table, 6.2 fails on the missing tablet map of a table on vnodes."""
    with recorded_life("6.2") as sandbox:
        query = {"keyspace": "alternator_users", "cf": "users"}
        answer = rest(sandbox, "GET", "/storage_service/tokens_endpoint", query)
    users = sandbox.catalog.tables["users"]
    expected = f"seastar::internal::backtraced<std::runtime_error> (Tablet map not found for table {users.id} "
    assert answer.status == 500
    assert json.loads(answer.body)["message"].startswith(expected)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/storage_service"),
        ("GET", "/storage_service/snapshots/"),
        ("POST", "/storage_service/cluster_name"),
        ("DELETE", "/storage_service/snapshots/size/true"),
        ("PUT", "/storage_service/snapshots"),
    ],
)
def test_nobodys_path_is_not_found(method: str, path: str) -> None:
    """An unknown path, and a known one with another method, is a 404 with the server's text."""
    with Sandbox() as sandbox:
        answer = rest(sandbox, method, path)
    assert (answer.status, answer.body) == (404, '{"message": "Not found", "code": 404}')


def test_keyspaces_can_be_filtered_by_type() -> None:
    """`type=user` gives Alternator's keyspaces only, `non_local_strategy` all but the node's own ones."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        given = {
            kind: json.loads(rest(sandbox, "GET", "/storage_service/keyspaces", {"type": kind}).body)
            for kind in ("user", "non_local_strategy", "all")
        }
    assert given["user"] == ["alternator_users"]
    assert set(given["all"]) - set(given["non_local_strategy"]) == {"system", "system_schema"}


def test_a_view_that_is_unknown_has_no_build_status() -> None:
    """The build statuses of an unknown view, or of a table, are empty; in an unknown keyspace it is an error."""
    with Sandbox() as sandbox:
        create_table(sandbox, "users")
        path = "/storage_service/view_build_statuses"
        assert rest(sandbox, "GET", f"{path}/alternator_users/users").body == "[]"
        assert rest(sandbox, "GET", f"{path}/alternator_users/nope").body == "[]"
        unknown = rest(sandbox, "GET", f"{path}/alternator_nope/nope")
    assert (unknown.status, json.loads(unknown.body)["message"]) == (400, "Can't find a keyspace alternator_nope")


def test_unknown_settings_are_refused() -> None:
    """A setting's name that the sandbox doesn't know is a 400, like one that no server knows."""
    with Sandbox() as sandbox:
        answer = rest(sandbox, "GET", "/v2/config/no_such_thing")
    assert (answer.status, json.loads(answer.body)["message"]) == (400, "No such config entry: no_such_thing")


def test_the_read_barrier_is_passed() -> None:
    """`POST /raft/read_barrier` succeeds with an empty body."""
    with Sandbox() as sandbox:
        answer = rest(sandbox, "POST", "/raft/read_barrier")
    assert (answer.status, answer.body) == (200, "")
