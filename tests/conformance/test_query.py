"""Query and the attributes that reads give, over the sandbox's Alternator."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table
from tests.conformance.replay import VERSIONS, alternator


KEYS = {":p": {"S": "a"}, ":s": {"S": "2"}, ":t": {"S": "4"}}


@pytest.fixture(scope="module", params=VERSIONS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A table `users` with a partition `a` of six items and one of another, and with indexes."""
    with Sandbox(request.param) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**indexed_table("users"))
        for i in range(6):
            nested = {"M": {"x": {"L": [{"N": "1"}, {"N": "2"}]}, "y": {"S": "z"}}}
            item = {"sk": {"S": str(i)}, "age": {"N": str(i % 2)}, "day": {"S": f"d{5 - i}"}, "m": nested}
            dynamodb.put_item(TableName="users", Item={"pk": {"S": "a"}, **item})
        dynamodb.put_item(TableName="users", Item={"pk": {"S": "b"}, "sk": {"S": "0"}, "age": {"N": "1"}})
        yield sandbox


def ask(sandbox: Sandbox, operation: str, **request: Any) -> dict[str, Any]:
    """The answer to a request on `users`, which succeeds."""
    answer = alternator(sandbox, operation, {"TableName": "users", **request})
    assert answer.status == 200, answer
    body = json.loads(answer.body)
    assert isinstance(body, dict)
    return body


def refused(sandbox: Sandbox, operation: str, **request: Any) -> str:
    """The text of a request's refusal, which is a ValidationException."""
    answer = alternator(sandbox, operation, {"TableName": "users", **request})
    body = json.loads(answer.body)
    assert (answer.status, body["__type"].partition("#")[2]) == (400, "ValidationException"), answer
    return str(body["message"])


def by_expression(expression: str, *values: str) -> dict[str, Any]:
    """The parameters of a Query with an expression that uses `:p` and these other values."""
    return {
        "KeyConditionExpression": expression,
        "ExpressionAttributeValues": {name: KEYS[name] for name in (":p", *values)},
    }


def by_conditions(operator: str, *values: str) -> dict[str, Any]:
    """The same in the older way, with an operator for the sort key."""
    arguments = [KEYS[value] for value in values]
    return {
        "KeyConditions": {
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [KEYS[":p"]]},
            "sk": {"ComparisonOperator": operator, "AttributeValueList": arguments},
        }
    }


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (by_expression("pk = :p"), "012345"),
        (by_expression(":p = pk"), "012345"),
        (by_expression("pk=:p AND sk > :s", ":s"), "345"),
        (by_expression("pk=:p and :s < sk", ":s"), "345"),
        (by_expression("sk >= :s and (pk=:p)", ":s"), "2345"),
        (by_expression("(pk=:p AND sk BETWEEN :s AND :t)", ":s", ":t"), "234"),
        (by_expression("pk=:p AND begins_with(sk, :s)", ":s"), "2"),
        (by_conditions("LE", ":s"), "012"),
        (by_conditions("LT", ":s"), "01"),
        (by_conditions("EQ", ":s"), "2"),
        (by_conditions("BETWEEN", ":s", ":t"), "234"),
        (by_conditions("BETWEEN", ":t", ":s"), ""),
        (by_conditions("BEGINS_WITH", ":s"), "2"),
    ],
    ids=str,
)
def test_key_conditions_choose_items(sandbox: Sandbox, request_: dict[str, Any], expected: str) -> None:
    """Both ways to ask give the items of the partition, in the order of the sort key."""
    assert "".join(item["sk"]["S"] for item in ask(sandbox, "Query", **request_)["Items"]) == expected


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forward=st.booleans(), limit=st.integers(1, 7), more_than=st.sampled_from([None, ":s"]))
def test_pages_add_up_in_both_directions(sandbox: Sandbox, forward: bool, limit: int, more_than: str | None) -> None:
    """Pages of any size, forwards or backwards, hold each item once and in order."""
    request = by_expression("pk=:p AND sk > :s", ":s") if more_than else by_expression("pk=:p")
    found: list[str] = []
    start: dict[str, Any] = {}
    while True:
        page = ask(sandbox, "Query", **request, **start, ScanIndexForward=forward, Limit=limit)
        assert page["ScannedCount"] <= limit
        found += [item["sk"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    expected = list("345" if more_than else "012345")
    assert found == (expected if forward else expected[::-1])


def test_indexes_are_queried_by_their_own_keys(sandbox: Sandbox) -> None:
    """A GSI by its partition key, an LSI in the order of its sort key; pages end with all keys."""
    of_age = {"KeyConditionExpression": "age = :n", "ExpressionAttributeValues": {":n": {"N": "1.0"}}}
    page = ask(sandbox, "Query", IndexName="by_age", **of_age, Limit=3)
    assert set(page["LastEvaluatedKey"]) == {"pk", "sk", "age"}
    rest = ask(sandbox, "Query", IndexName="by_age", **of_age, ExclusiveStartKey=page["LastEvaluatedKey"])
    found = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"] + rest["Items"]]
    assert sorted(found) == [("a", "1"), ("a", "3"), ("a", "5"), ("b", "0")]
    local = ask(sandbox, "Query", IndexName="by_day", **by_expression("pk=:p"), ConsistentRead=True)
    assert [item["day"]["S"] for item in local["Items"]] == ["d0", "d1", "d2", "d3", "d4", "d5"]
    assert refused(sandbox, "Query", IndexName="by_age", **of_age, ConsistentRead=True).startswith("Consistent reads")


def test_indexes_are_not_queried_backwards_on_6_2(sandbox: Sandbox) -> None:
    """There it is an internal error of the server; later it works."""
    request = {"TableName": "users", "IndexName": "by_day", **by_expression("pk=:p"), "ScanIndexForward": False}
    answer = alternator(sandbox, "Query", request)
    assert answer.status == (500 if sandbox.catalog.version.name == "6.2" else 200)


def test_filters_count_what_they_drop(sandbox: Sandbox) -> None:
    """Both kinds of filter, of Query and Scan, drop items that have been looked at."""
    older = {"age": {"ComparisonOperator": "EQ", "AttributeValueList": [{"N": "1"}]}}
    answers = [
        ask(sandbox, "Query", **by_conditions("GE", ":s"), QueryFilter=older),
        ask(sandbox, "Query", **by_conditions("GE", ":s"), FilterExpression="age <> sk", Select="COUNT"),
        ask(sandbox, "Scan", ScanFilter=older),
    ]
    assert [(answer["Count"], answer["ScannedCount"]) for answer in answers] == [(2, 4), (4, 4), (4, 7)]


def test_reads_give_the_attributes_asked_for(sandbox: Sandbox) -> None:
    """Paths into maps and lists, names of attributes in the older way; nothing where there is nothing."""
    key = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    inner = {"M": {"x": {"L": [{"N": "2"}]}}}
    names = {"#m": "m", "#x": "x"}
    asked = {"ProjectionExpression": "sk, #m.#x[1]", "ExpressionAttributeNames": names}
    assert ask(sandbox, "GetItem", Key=key, **asked) == {"Item": {"sk": {"S": "1"}, "m": inner}}
    assert ask(sandbox, "GetItem", Key=key, ProjectionExpression="nope") == {"Item": {}}
    assert ask(sandbox, "GetItem", Key=key, AttributesToGet=["sk", "zz"]) == {"Item": {"sk": {"S": "1"}}}
    assert ask(sandbox, "GetItem", Key=key | {"pk": {"S": "nobody"}}, AttributesToGet=["sk"]) == {}
    page = ask(sandbox, "Scan", IndexName="by_age", Limit=1, AttributesToGet=["age"])
    assert [set(item) for item in page["Items"]] == [{"age"}]
    assert set(page["LastEvaluatedKey"]) == {"age", "pk", "sk"}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "Query must have one of KeyConditions or KeyConditionExpression"),
        (by_expression("pk=:p") | {"KeyConditions": {}}, "Query does not allow both KeyConditions and"),
        ({"KeyConditions": {}}, "Query missing condition on hash key 'pk'"),
        (by_conditions("NE", ":s"), 'Operator "NE" not supported for sort key'),
        (by_conditions("FOO", ":s"), "Unsupported comparison operator FOO"),
        (by_conditions("EQ"), "1 arguments expected for a sort key restriction: []"),
        (by_expression("pk=:p OR sk=:s", ":s"), "KeyConditionExpression cannot use OR"),
        (by_expression("pk=:p AND NOT sk=:s", ":s"), "KeyConditionExpression cannot use NOT"),
        (by_expression("pk=:p AND sk IN (:s)", ":s"), "KeyConditionExpression does not support IN operator"),
        (by_expression("pk=:p AND sk<>:s", ":s"), "KeyConditionExpression does not support NE operator"),
        (by_expression("pk<:p"), "KeyConditionExpression only '=' condition is supported on partition key pk"),
        (by_expression("sk=:p"), "KeyConditionExpression requires a condition on partition key pk"),
        (by_expression("pk=:p AND zz=:s", ":s"), "KeyConditionExpression condition on non-key attribute zz"),
        (by_expression("pk=:p AND pk=:p"), "KeyConditionExpression allows only one condition for each key"),
        (by_expression("pk.a=:p"), "KeyConditionExpression does not support nested attributes"),
        (by_expression(""), "KeyConditionExpression must not be empty"),
        (by_expression("pk=:p AND"), "Failed parsing KeyConditionExpression 'pk=:p AND': syntax error"),
        (by_expression("pk=:p", ":s"), "ExpressionAttributeValues has spurious ':s', not used in Query"),
        (by_expression("pk=:q"), "ExpressionAttributeValues missing entry ':q' required by expression"),
        (by_expression("#a=:p"), "ExpressionAttributeNames missing, entry '#a' required by expression"),
        (by_expression("pk=:p") | {"Limit": 0}, "Limit must be greater than 0"),
        (by_expression("pk=:p") | {"ExclusiveStartKey": {"pk": {"S": "a"}}}, "Key column sk not found"),
        (
            by_expression("pk=:p") | {"Select": "COUNT", "ProjectionExpression": "sk"},
            "AttributesToGet or ProjectionExpression require Select to be either SPECIFIC_ATTRIBUTES or missing",
        ),
        (
            by_expression("pk=:p") | {"ProjectionExpression": "m, m.x"},
            "Invalid ProjectionExpression: two document paths overlap at m",
        ),
    ],
    ids=str,
)
def test_queries_that_make_no_sense_are_refused(sandbox: Sandbox, request_: dict[str, Any], message: str) -> None:
    """With the server's own texts."""
    assert refused(sandbox, "Query", **request_).startswith(message)
