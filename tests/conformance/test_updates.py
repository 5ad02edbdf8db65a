"""UpdateItem and DeleteItem over the sandbox's Alternator."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table, simple_table
from tests.conformance.loading import indexed
from tests.conformance.replay import VERSIONS, alternator


KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}
ITEM = KEY | {
    "age": {"N": "1"},
    "n": {"N": "5"},
    "l": {"L": [{"N": "1"}, {"N": "2"}]},
    "m": {"M": {"x": {"S": "y"}}},
    "ss": {"SS": ["a", "b"]},
}


@pytest.fixture(params=VERSIONS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A node with a table `users` that has one item."""
    with Sandbox(request.param) as sandbox:
        client(sandbox).create_table(**indexed_table("users"))
        client(sandbox).put_item(TableName="users", Item=ITEM)
        yield sandbox


def send(sandbox: Sandbox, operation: str, **request: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to a request for the item."""
    answer = alternator(sandbox, operation, {"TableName": "users", "Key": KEY, **request})
    return answer.status, json.loads(answer.body)


def current(sandbox: Sandbox, key: dict[str, Any] = KEY) -> dict[str, Any] | None:
    """The item as it is."""
    item: dict[str, Any] | None = client(sandbox).get_item(TableName="users", Key=key).get("Item")
    return item


def test_updates_change_what_they_name(sandbox: Sandbox) -> None:
    """SET with arithmetic and paths, REMOVE, ADD and DELETE in one expression; all else stays."""
    values = {":i": {"N": "2"}, ":s": {"SS": ["a"]}}
    expression = "SET n = n + :i, l[1] = :i, m.z = :i REMOVE age DELETE ss :s"
    status, answer = send(
        sandbox, "UpdateItem", UpdateExpression=expression, ExpressionAttributeValues=values, ReturnValues="ALL_NEW"
    )
    expected = KEY | {
        "n": {"N": "7"},
        "l": {"L": [{"N": "1"}, {"N": "2"}]},
        "m": {"M": {"x": {"S": "y"}, "z": {"N": "2"}}},
        "ss": {"SS": ["b"]},
    }
    assert (status, answer) == (200, {"Attributes": expected})
    assert current(sandbox) == expected
    assert indexed(sandbox, "users", "by_age") == []


def test_updates_in_the_older_way(sandbox: Sandbox) -> None:
    """`AttributeUpdates` puts, deletes and adds; an action that there isn't is refused."""
    updates = {
        "n": {"Action": "PUT", "Value": {"N": "9"}},
        "m": {"Action": "DELETE"},
        "ss": {"Action": "ADD", "Value": {"SS": ["z"]}},
    }
    assert send(sandbox, "UpdateItem", AttributeUpdates=updates) == (200, {})
    item = current(sandbox) or {}
    assert (item["n"], "m" in item, sorted(item["ss"]["SS"])) == ({"N": "9"}, False, ["a", "b", "z"])
    status, answer = send(sandbox, "UpdateItem", AttributeUpdates={"n": {"Action": "FOO", "Value": {"N": "9"}}})
    assert (status, answer["message"]) == (400, "Unknown Action value 'FOO' in AttributeUpdates")


def test_an_update_makes_a_new_item_unless_it_only_removes(sandbox: Sandbox) -> None:
    """Without any change, or with a value set, the item is there; REMOVE alone makes none."""
    for name, change, expected in (
        ("bare", {}, {}),
        ("set", {"UpdateExpression": "SET v = :i", "ExpressionAttributeValues": {":i": {"N": "2"}}}, {"v": {"N": "2"}}),
        ("remove", {"UpdateExpression": "REMOVE v"}, None),
    ):
        key = KEY | {"sk": {"S": name}}
        assert send(sandbox, "UpdateItem", Key=key, **change)[0] == 200
        assert current(sandbox, key) == (None if expected is None else key | expected)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"UpdateExpression": "SET pk = :i"}, "UpdateItem cannot update key column pk"),
        ({"UpdateExpression": "SET age = :t"}, "Type mismatch: expected type N for "),
        ({"UpdateExpression": ""}, "Empty expression in UpdateExpression is not allowed"),
        ({"UpdateExpression": "SET v = :none"}, "ExpressionAttributeValues missing entry ':none' required"),
        ({"ReturnValues": "FOO"}, "Unrecognized value for ReturnValues: FOO"),
    ],
    ids=str,
)
def test_updates_that_make_no_sense_are_refused(sandbox: Sandbox, request_: dict[str, Any], message: str) -> None:
    """With the server's texts, and the item stays as it was."""
    given = {":i": {"S": "2"}, ":t": {"S": "text"}}
    used = {name: value for name, value in given.items() if name in request_.get("UpdateExpression", "")}
    if ":none" in request_.get("UpdateExpression", ""):
        used = given
    values = {"ExpressionAttributeValues": used} if used else {}
    status, answer = send(sandbox, "UpdateItem", **values, **request_)
    assert (status, answer["message"][: len(message)]) == (400, message)
    assert current(sandbox) == ITEM


def test_deletions_hold_to_their_conditions(sandbox: Sandbox) -> None:
    """A condition that fails deletes nothing and can tell the item; one that holds tells what was there."""
    condition = {"ConditionExpression": "n = :i", "ExpressionAttributeValues": {":i": {"N": "4"}}}
    told = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    status, answer = send(sandbox, "DeleteItem", **condition, **told)
    assert (status, answer["__type"].partition("#")[2], answer["Item"]) == (
        400,
        "ConditionalCheckFailedException",
        ITEM,
    )
    expected = {"n": {"Value": {"N": "5"}}}
    assert send(sandbox, "DeleteItem", Expected=expected, ReturnValues="ALL_OLD") == (200, {"Attributes": ITEM})
    assert current(sandbox) is None
    assert send(sandbox, "DeleteItem") == (200, {})


def test_forbidden_isolation_refuses_only_writes_that_read(sandbox: Sandbox) -> None:
    """On a table with `forbid_rmw` a value can be set, but not added to."""
    forbid = [{"Key": "system:write_isolation", "Value": "forbid_rmw"}]
    dynamodb = client(sandbox)
    dynamodb.create_table(**simple_table("forbidden", Tags=forbid))
    request = {"TableName": "forbidden", "Key": {"pk": {"S": "a"}}, "ExpressionAttributeValues": {":i": {"N": "1"}}}
    dynamodb.update_item(**request, UpdateExpression="SET v = :i")
    with pytest.raises(dynamodb.exceptions.ClientError, match="disabled by 'forbid_rmw'"):
        dynamodb.update_item(**request, UpdateExpression="SET v = v + :i")
