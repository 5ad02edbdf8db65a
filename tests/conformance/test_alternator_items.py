"""Items over the sandbox's Alternator: what is written is read again, page by page, and nothing else is taken."""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table, refusal, simple_table
from tests.conformance.replay import VERSIONS, alternator, snapshot_directories


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=5)
scalars = st.none() | st.booleans() | numbers | st.text() | st.binary()
sets = (
    st.sets(numbers, min_size=1, max_size=4)
    | st.sets(st.text(), min_size=1, max_size=4)
    | st.sets(st.binary(), min_size=1, max_size=4)
)
values = st.recursive(
    scalars | sets,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(min_size=1), children, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module", params=VERSIONS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """One sandbox for all tests here; each makes its own table."""
    with Sandbox(request.param) as sandbox:
        yield sandbox


def scan_all(dynamodb: Any, **request: Any) -> list[dict[str, Any]]:
    """All items, over all pages."""
    return [item for page in dynamodb.get_paginator("scan").paginate(**request) for item in page["Items"]]


def drop(dynamodb: Any, name: str) -> None:
    """Drop a table if it is there."""
    if name in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=name)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attributes=st.dictionaries(st.text(min_size=1).filter(lambda name: name != "pk"), values, max_size=5))
def test_every_type_comes_back_as_it_was_written(sandbox: Sandbox, attributes: dict[str, Any]) -> None:
    """Items with all of DynamoDB's types, nested, are the same from PutItem, Scan and GetItem."""
    dynamodb = client(sandbox)
    drop(dynamodb, "types")
    dynamodb.create_table(**simple_table("types"))
    item = {name: TypeSerializer().serialize(value) for name, value in attributes.items()}
    item["pk"] = {"S": "key"}
    dynamodb.put_item(TableName="types", Item=item)
    [scanned] = scan_all(dynamodb, TableName="types")
    got = dynamodb.get_item(TableName="types", Key={"pk": {"S": "key"}})["Item"]
    assert scanned == got
    given = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    assert {name: TypeDeserializer().deserialize(value) for name, value in scanned.items()} == given


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(st.tuples(st.sampled_from("abc"), st.integers(-50, 50)), max_size=30),
    limit=st.integers(1, 12),
    type_=st.sampled_from("SNB"),
)
def test_pages_hold_every_item_once(sandbox: Sandbox, keys: set[tuple[str, int]], limit: int, type_: str) -> None:
    """Pages of any size, over keys of any type, add up to all items."""
    dynamodb = client(sandbox)
    drop(dynamodb, "paged")
    request = indexed_table("paged")
    del request["GlobalSecondaryIndexes"], request["LocalSecondaryIndexes"]
    request["AttributeDefinitions"] = [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": type_},
    ]
    dynamodb.create_table(**request)
    for pk, number in keys:
        sk = str(number).encode() if type_ == "B" else str(number)
        dynamodb.put_item(TableName="paged", Item={"pk": {"S": pk}, "sk": {type_: sk}})
    found = scan_all(dynamodb, TableName="paged", PaginationConfig={"PageSize": limit})
    assert {(item["pk"]["S"], int(item["sk"][type_])) for item in found} == keys
    assert len(found) == len(keys)


def test_a_page_that_its_limit_ended_has_a_last_key_even_if_nothing_follows(sandbox: Sandbox) -> None:
    """The last page may be empty, as on the real node."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**simple_table("one_item"))
    dynamodb.put_item(TableName="one_item", Item={"pk": {"S": "a"}})
    first = dynamodb.scan(TableName="one_item", Limit=1)
    second = dynamodb.scan(TableName="one_item", Limit=1, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert (first["Count"], second["Count"]) == (1, 0)
    assert "LastEvaluatedKey" not in second


def test_an_index_holds_the_items_that_have_its_keys(sandbox: Sandbox) -> None:
    """Scanning a GSI or an LSI gives what is in it, counted or whole, and in pages."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**indexed_table("indexed"))
    for i in range(30):
        item = {"pk": {"S": f"p{i % 3}"}, "sk": {"S": str(i)}}
        item |= {"age": {"N": str(i)}} if i % 2 else {"day": {"S": "monday"}}
        dynamodb.put_item(TableName="indexed", Item=item)
    in_age = scan_all(dynamodb, TableName="indexed", IndexName="by_age", PaginationConfig={"PageSize": 4})
    counted = dynamodb.scan(TableName="indexed", IndexName="by_day", Select="COUNT")
    assert {int(item["sk"]["S"]) for item in in_age} == set(range(1, 30, 2))
    assert (counted["Count"], counted.get("Items", "none")) == (15, "none")


def test_segments_add_up_to_the_table(sandbox: Sandbox) -> None:
    """A parallel scan sees every item in exactly one segment."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**simple_table("segments"))
    for i in range(40):
        dynamodb.put_item(TableName="segments", Item={"pk": {"S": str(i)}})
    found = [
        item["pk"]["S"]
        for segment in range(3)
        for item in scan_all(dynamodb, TableName="segments", Segment=segment, TotalSegments=3)
    ]
    assert sorted(found, key=int) == [str(i) for i in range(40)]


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ({"N": "1.5.5"}, "ValidationException", "The parameter cannot be converted to a numeric value: 1.5.5"),
        ({"N": "NaN"}, "ValidationException", "The parameter cannot be converted to a numeric value: NaN"),
        ({"N": "1e126"}, "ValidationException", "Number overflow: 1e126."),
        ({"N": "1e99999999999999999999"}, "ValidationException", "Number overflow"),
        ({"N": "1e-131"}, "ValidationException", "Number underflow: 1e-131."),
        ({"N": "1" * 39}, "ValidationException", "Number too precise"),
        ({"N": 5}, "SerializationException", "PutItem: number value must be encoded as string"),
        ({"SS": []}, "ValidationException", "PutItem: empty set not allowed"),
        ({"X": "y"}, "ValidationException", "PutItem: unknown type X"),
        ({"S": "a", "N": "1"}, "ValidationException", "PutItem: improperly formatted value"),
        ({"L": [{"M": {"a": {"N": "x"}}}]}, "ValidationException", "The parameter cannot be converted"),
    ],
)
def test_refuses_malformed_values(value: dict[str, Any], code: str, message: str) -> None:
    """Values that no client library would send are refused with the server's own texts."""
    with Sandbox() as sandbox:
        client(sandbox).create_table(**simple_table("users"))
        item = {"pk": {"S": "a"}, "value": value}
        answer = alternator(sandbox, "PutItem", {"TableName": "users", "Item": item})
        assert sandbox.items.unflushed_count(sandbox.catalog.tables["users"]) == 0
    error = json.loads(answer.body)
    assert (answer.status, error["__type"]) == (400, f"com.amazonaws.dynamodb.v20120810#{code}")
    assert error["message"].startswith(message)


def test_refuses_keys_that_are_not_the_table_s(sandbox: Sandbox) -> None:
    """Missing, empty and wrongly typed keys are refused, those of an index too."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**indexed_table("keys"))
    keys = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    for item, message in (
        ({"pk": {"S": "a"}}, "Key column sk not found"),
        (keys | {"sk": {"N": "1"}}, "Type mismatch: expected type S for key column sk, got type N"),
        (keys | {"pk": {"S": ""}}, "The AttributeValue for a key attribute cannot contain an empty string"),
        (keys | {"age": {"S": "1"}}, "Type mismatch: expected type N for "),
    ):
        with pytest.raises(ClientError) as refused:
            dynamodb.put_item(TableName="keys", Item=item)
        assert refusal(refused)[0] == "ValidationException"
        assert refusal(refused)[1].startswith(message)


def test_conditions_hold_or_nothing_is_written(sandbox: Sandbox) -> None:
    """A second conditional put of a new item fails; one for an existing item passes and tells the old one."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**simple_table("conditions"))
    first = {"pk": {"S": "a"}, "n": {"N": "1"}}

    def put(item: dict[str, Any], condition: str, **more: Any) -> Any:
        return dynamodb.put_item(TableName="conditions", Item=item, ConditionExpression=condition, **more)

    put(first, "attribute_not_exists(pk)")
    with pytest.raises(ClientError) as refused:
        put(first | {"n": {"N": "2"}}, "attribute_not_exists(pk)")
    assert refusal(refused) == ("ConditionalCheckFailedException", "The conditional request failed")
    assert scan_all(dynamodb, TableName="conditions") == [first]
    replaced = put(first | {"n": {"N": "3"}}, "attribute_exists(pk)", ReturnValues="ALL_OLD")
    assert replaced["Attributes"] == first


def test_a_batch_is_checked_before_anything_of_it_is_done(sandbox: Sandbox) -> None:
    """One bad request, or a key twice, refuses the whole batch; a good one puts and deletes."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**simple_table("batch"))
    puts = [{"PutRequest": {"Item": {"pk": {"S": str(i)}}}} for i in range(3)]
    bad: dict[str, Any]
    for bad in (puts[0], {"PutRequest": {"Item": {"no": {"S": "key"}}}}, {"UpdateRequest": {}}):
        answer = alternator(sandbox, "BatchWriteItem", {"RequestItems": {"batch": [*puts, bad]}})
        assert (answer.status, "ValidationException" in answer.body) == (400, True)
        assert scan_all(dynamodb, TableName="batch") == []
    dynamodb.batch_write_item(RequestItems={"batch": puts})
    deletion = {"DeleteRequest": {"Key": {"pk": {"S": "1"}}}}
    answer = dynamodb.batch_write_item(RequestItems={"batch": [deletion]})
    assert answer["UnprocessedItems"] == {}
    assert [item["pk"]["S"] for item in scan_all(dynamodb, TableName="batch")] == ["0", "2"]


@pytest.mark.parametrize("version", VERSIONS)
def test_only_writes_that_use_lwt_on_tablets_make_a_paxos_table(version: str) -> None:
    """A conditional write makes `$paxos` on 2026.1's tablets; plain writes, vnodes and 6.2 do not."""
    vnodes = [{"Key": "system:initial_tablets", "Value": "none"}]
    with Sandbox(version) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("plain"))
        dynamodb.create_table(**simple_table("conditional"))
        dynamodb.create_table(**simple_table("vnodes", Tags=vnodes))
        dynamodb.put_item(TableName="plain", Item={"pk": {"S": "a"}})
        for name in ("conditional", "vnodes"):
            condition = {"ConditionExpression": "attribute_not_exists(pk)"}
            dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}}, **condition)
        leaked = {"conditional$paxos"} if version == "2026.1" else set()
        assert set(dynamodb.list_tables()["TableNames"]) == {"plain", "conditional", "vnodes"} | leaked


def test_forbidden_isolation_refuses_conditional_writes(sandbox: Sandbox) -> None:
    """A table with write isolation `forbid` takes plain writes only."""
    dynamodb = client(sandbox)
    forbid = [{"Key": "system:write_isolation", "Value": "forbid_rmw"}]
    dynamodb.create_table(**simple_table("forbidden", Tags=forbid))
    dynamodb.put_item(TableName="forbidden", Item={"pk": {"S": "a"}})
    with pytest.raises(ClientError, match="disabled by 'forbid_rmw' write isolation policy"):
        dynamodb.put_item(
            TableName="forbidden", Item={"pk": {"S": "b"}}, ConditionExpression="attribute_not_exists(pk)"
        )


def test_unflushed_items_are_taken_once_in_the_order_of_their_keys() -> None:
    """What a flush gets is the last state of each written key, deletions included, and nothing twice."""
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("users"))
        for key, number in (("b", "1"), ("a", "1"), ("b", "2")):
            dynamodb.put_item(TableName="users", Item={"pk": {"S": key}, "n": {"N": number}})
        gone = {"pk": {"S": "c"}}
        dynamodb.batch_write_item(RequestItems={"users": [{"DeleteRequest": {"Key": gone}}]})
        table = sandbox.catalog.tables["users"]
        assert sandbox.items.unflushed_count(table) == 3
        taken = sandbox.items.take_unflushed(table)
        assert [row.key["pk"]["S"] for row in taken] == ["a", "b", "c"]
        assert [row.item() for row in taken] == [
            {"pk": {"S": "a"}, "n": {"N": "1"}},
            {"pk": {"S": "b"}, "n": {"N": "2"}},
            None,
        ]
        assert sandbox.items.take_unflushed(table) == []
        assert len(scan_all(dynamodb, TableName="users")) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_table_that_shows_recorded_files_refuses_to_be_read(version: str) -> None:
    """Scan and PutItem answer an error, never an empty table."""
    with Sandbox(version) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("shown"))
        recorded = snapshot_directories(version)["orders"]
        sandbox.data.show("shown", recorded)
        for request in (
            partial(dynamodb.scan, TableName="shown"),
            partial(dynamodb.put_item, TableName="shown", Item={"pk": {"S": "a"}}),
        ):
            with pytest.raises(ClientError, match="this table shows recorded files") as refused:
                request()
            assert refused.value.response["Error"]["Code"] == "InternalServerError"
            assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_numbers_are_kept_to_the_last_digit(sandbox: Sandbox) -> None:
    """38 digits and the smallest and largest magnitudes come back unchanged."""
    dynamodb = client(sandbox)
    dynamodb.create_table(**simple_table("numbers"))
    numbers = ["1" * 38, "-9.9e125", "1e-130", "0", "-0.00000000000000000000000000000000000001"]
    dynamodb.put_item(TableName="numbers", Item={"pk": {"S": "a"}, "ns": {"L": [{"N": n} for n in numbers]}})
    [item] = scan_all(dynamodb, TableName="numbers")
    assert [Decimal(each["N"]) for each in item["ns"]["L"]] == [Decimal(n) for n in numbers]
