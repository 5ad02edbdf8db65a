"""Tables over the sandbox's Alternator, where nothing was recorded: names, pages, tags, indexes, streams, drops."""

import string
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.alternator.errors import ValidationError
from sandbox.alternator.names import validate_table_name
from sandbox.alternator.tags import with_added
from sandbox.faults import Fault
from sandbox.node import Sandbox
from sandbox.version import VERSIONS as SERVER_VERSIONS
from tests.conformance.dynamodb import client, indexed_table, new_index, refusal, root, simple_table
from tests.conformance.replay import VERSIONS


WITH_VNODES = [{"Key": "system:initial_tablets", "Value": "none"}]
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


@given(name=st.text(max_size=230), version=st.sampled_from(list(SERVER_VERSIONS.values())))
def test_takes_a_name_exactly_if_its_length_and_characters_are_allowed(name: str, version: Any) -> None:
    """Table names are 3 to 222 (192) letters, digits, `_`, `-` and `.`, in any order."""
    legal = 3 <= len(name) <= version.table_name_max_length and set(name) <= set(
        string.ascii_letters + string.digits + "_.-"
    )
    try:
        validate_table_name(name, version.table_name_max_length)
    except ValidationError:
        assert not legal
    else:
        assert legal


@pytest.mark.parametrize(("version", "longest"), [("6.2", 222), ("2026.1", 192)])
def test_takes_names_of_the_version_s_length(version: str, longest: int) -> None:
    """The longest name works, one more character does not."""
    with Sandbox(version) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("x" * longest))
        with pytest.raises(ClientError) as refused:
            dynamodb.create_table(**simple_table("x" * (longest + 1)))
    assert refusal(refused) == (
        "ValidationException",
        f"TableName must be at least 3 characters long and at most {longest} characters long",
    )


def test_refuses_an_index_whose_name_is_too_long_for_its_table() -> None:
    """A view's name is made of both names, and is a directory's name."""
    request = indexed_table("x" * 210)
    request["GlobalSecondaryIndexes"][0]["IndexName"] = "i" * 12
    with Sandbox() as sandbox, pytest.raises(ClientError) as refused:
        client(sandbox).create_table(**request)
    assert refusal(refused)[1].endswith("cannot exceed 221 characters")


def test_keeps_tables_apart_that_differ_in_case_only() -> None:
    """`Foo` and `foo` are two tables."""
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        for name in ("Foo", "foo"):
            dynamodb.create_table(**simple_table(name))
        assert sorted(dynamodb.list_tables()["TableNames"]) == ["Foo", "foo"]


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_refuses_pages_of_another_size_than_1_to_100(limit: int) -> None:
    """Limit is checked, as no other DynamoDB stand-in does."""
    with Sandbox() as sandbox, pytest.raises(ClientError) as refused:
        client(sandbox).list_tables(Limit=limit)
    assert refusal(refused) == (
        "ValidationException",
        "Limit must be greater than 0 and no greater than 100",
    )


@settings(max_examples=20)
@given(limit=st.integers(1, 12), count=st.integers(0, 10))
def test_pages_hold_every_table_once(limit: int, count: int) -> None:
    """Pages of any size add up to all tables, and only the last one names no successor."""
    names = [f"table{i}" for i in range(count)]
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        for name in names:
            dynamodb.create_table(**simple_table(name))
        pages = list(dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": limit}))
    assert sorted(name for page in pages for name in page["TableNames"]) == names
    assert all(len(page["TableNames"]) == limit for page in pages[:-1])
    assert len(pages) == max(1, -(-count // limit))


def test_a_page_after_a_dropped_table_is_empty_and_says_that_nothing_follows() -> None:
    """A table that is dropped between two pages cuts the list short, as on the real node."""
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        for i in range(4):
            dynamodb.create_table(**simple_table(f"table{i}"))
        last = dynamodb.list_tables(Limit=2)["LastEvaluatedTableName"]
        dynamodb.delete_table(TableName=last)
        page = dynamodb.list_tables(Limit=2, ExclusiveStartTableName=last)
        assert page["TableNames"] == []
        assert "LastEvaluatedTableName" not in page


def test_a_table_created_between_two_pages_hides_no_other() -> None:
    """Whether it is listed is nobody's to say; all that were there before are."""
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        before = {f"table{i}" for i in range(6)}
        for name in before:
            dynamodb.create_table(**simple_table(name))
        first = dynamodb.list_tables(Limit=3)
        dynamodb.create_table(**simple_table("newcomer"))
        rest = dynamodb.list_tables(ExclusiveStartTableName=first["LastEvaluatedTableName"])
    assert before <= {*first["TableNames"], *rest["TableNames"]}


tags = st.dictionaries(
    st.text(string.ascii_letters + string.digits + " +-=._:/", min_size=1, max_size=130).filter(
        lambda key: not key.startswith("system:")
    ),
    st.text(string.ascii_letters + " +-=._:/", max_size=258),
    max_size=52,
)


@given(tags=tags, version=st.sampled_from(list(SERVER_VERSIONS.values())))
def test_tags_are_taken_whole_or_refused(tags: dict[str, str], version: Any) -> None:
    """50 tags, keys of 128 and values of 256 characters are the limit; what is within it is kept as it is."""
    legal = len(tags) <= 50 and all(len(key) <= 128 and len(value) <= 256 for key, value in tags.items())
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    try:
        assert with_added({}, listed, version) == tags
        assert legal
    except ValidationError:
        assert not legal


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("", "v", "A tag Key cannot be empty"),
        ("ключ", "v", "A tag Key can only contain letters, spaces, and [+-=._:/]"),
        ("k", "v'", "A tag Value can only contain letters, spaces, and [+-=._:/]"),
        ("system:write_isolation", "sometimes", "Incorrect write isolation tag sometimes. Allowed values: {"),
    ],
)
def test_refuses_other_tags(key: str, value: str, message: str) -> None:
    """Empty keys, other characters and unknown write isolations are refused, and nothing is changed."""
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("users"))
        arn = dynamodb.describe_table(TableName="users")["Table"]["TableArn"]
        with pytest.raises(ClientError) as refused:
            dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": value}])
        assert refusal(refused)[0] == "ValidationException"
        assert refusal(refused)[1].startswith(message)
        assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_tags_are_added_replaced_and_removed(version: str) -> None:
    """TagResource adds and replaces, UntagResource removes, the list is in the order of the keys."""
    with Sandbox(version) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("users", Tags=[{"Key": "b", "Value": "1"}]))
        arn = dynamodb.describe_table(TableName="users")["Table"]["TableArn"]
        dynamodb.tag_resource(
            ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": ""}, {"Key": "c", "Value": "3"}]
        )
        dynamodb.untag_resource(ResourceArn=arn, TagKeys=["c"])
        listed = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert listed == [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "2"}]


def test_an_arn_that_names_nothing_is_refused_as_the_version_does() -> None:
    """A well-formed ARN of no table is no access on 6.2, and not found on 2026.1."""
    arn = "arn:scylla:alternator:alternator_gone:scylla:table/gone"
    for version, expected in (("6.2", "AccessDeniedException"), ("2026.1", "ResourceNotFoundException")):
        with Sandbox(version) as sandbox, pytest.raises(ClientError) as refused:
            client(sandbox).list_tags_of_resource(ResourceArn=arn)
        assert refusal(refused)[0] == expected


def test_a_tag_asks_for_vnodes_which_can_have_streams() -> None:
    """On 2026.1 `system:initial_tablets=none` makes a table on vnodes, and only such a table can have a stream."""
    with Sandbox("2026.1") as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("streamed", Tags=WITH_VNODES, StreamSpecification=STREAM))
        described = dynamodb.describe_table(TableName="streamed")["Table"]
        assert not sandbox.catalog.tables["streamed"].tablets
        assert described["StreamSpecification"] == STREAM
        dynamodb.create_table(**simple_table("on_tablets"))
        with pytest.raises(ClientError) as refused:
            dynamodb.update_table(TableName="on_tablets", StreamSpecification=STREAM)
    assert "(with the tag 'system:initial_tablets' set to 'none')" in refusal(refused)[1]


def test_the_log_of_a_disabled_stream_is_listed_but_nobody_can_describe_it() -> None:
    """A stream's log is kept when it is disabled, and ListTables takes it for a table."""
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("users", StreamSpecification=STREAM))
        assert dynamodb.list_tables()["TableNames"] == ["users"]
        dynamodb.update_table(TableName="users", StreamSpecification={"StreamEnabled": False})
        assert dynamodb.list_tables()["TableNames"] == ["users", "users_scylla_cdc_log"]
        assert "StreamSpecification" not in dynamodb.describe_table(TableName="users")["Table"]
        with pytest.raises(ClientError) as refused:
            dynamodb.describe_table(TableName="users_scylla_cdc_log")
    assert refusal(refused)[0] == "ResourceNotFoundException"


def test_an_index_that_is_added_later_reports_a_sort_key_that_nobody_asked_for() -> None:
    """On 2026.1 a GSI of CreateTable is described as asked; one of UpdateTable has the table's key as its sort key."""
    with Sandbox("2026.1") as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**indexed_table("users"))
        dynamodb.update_table(TableName="users", **new_index("by_city", "city"))
        described = dynamodb.describe_table(TableName="users")["Table"]["GlobalSecondaryIndexes"]
    keys = {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]] for index in described}
    assert keys == {"by_age": ["age"], "by_city": ["city", "pk"]}


def test_indexes_are_added_and_dropped_one_at_a_time() -> None:
    """2026.1 refuses two changes at once, an index that is there, and dropping one that isn't."""
    with Sandbox("2026.1") as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**indexed_table("users"))
        two = [{"Delete": {"IndexName": "by_age"}}, {"Delete": {"IndexName": "by_city"}}]
        for request, expected in (
            ({"GlobalSecondaryIndexUpdates": two}, "LimitExceededException"),
            (new_index("by_age", "age", "N"), "ValidationException"),
            (new_index("by_day", "city"), "ValidationException"),
            (new_index("by_city", "age", "S"), "ValidationException"),
            ({"GlobalSecondaryIndexUpdates": two[1:]}, "ResourceNotFoundException"),
            ({}, "ValidationException"),
        ):
            with pytest.raises(ClientError) as refused:
                dynamodb.update_table(TableName="users", **request)
            assert refusal(refused)[0] == expected
        dynamodb.update_table(TableName="users", GlobalSecondaryIndexUpdates=two[:1])
        assert "GlobalSecondaryIndexes" not in dynamodb.describe_table(TableName="users")["Table"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"BillingMode": None}, "When BillingMode=PROVISIONED, ProvisionedThroughput must be specified."),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
            "When BillingMode=PAY_PER_REQUEST, ProvisionedThroughput cannot be specified.",
        ),
        ({"SSESpecification": {"Enabled": True}}, "SSESpecification: configuring encryption-at-rest"),
        ({"KeySchema": []}, "KeySchema must list exactly one or two key columns"),
        (
            {"KeySchema": [{"AttributeName": "pk", "KeyType": "RANGE"}]},
            "First key in KeySchema must be a HASH key",
        ),
        (
            {"KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}]},
            "KeySchema key 'other' missing in AttributeDefinitions",
        ),
        (
            {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "SS"}]},
            "Invalid key type 'SS', can only be S, B or N.",
        ),
        ({"TableName": ".scylla.alternator.system.local"}, "Prefix .scylla.alternator. is reserved"),
    ],
)
def test_refuses_other_create_requests(version: str, change: dict[str, Any], message: str) -> None:
    """What DescribeTable answers can't all be sent back: billing, keys and definitions are checked."""
    request = {name: value for name, value in {**simple_table("users"), **change}.items() if value is not None}
    with Sandbox(version) as sandbox:
        with pytest.raises(ClientError) as refused:
            client(sandbox).create_table(**request)
        assert not sandbox.catalog.tables
    assert refusal(refused)[0] == "ValidationException"
    assert refusal(refused)[1].startswith(message)


def test_refuses_definitions_that_no_key_uses() -> None:
    """AttributeDefinitions may only hold keys."""
    request = simple_table("users")
    request["AttributeDefinitions"].append({"AttributeName": "more", "AttributeType": "S"})
    with Sandbox() as sandbox, pytest.raises(ClientError) as refused:
        client(sandbox).create_table(**request)
    assert refusal(refused)[1].endswith('not used by any KeySchema: {"more"}')


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dropped_table_is_gone_and_may_come_back_with_another_id(version: str) -> None:
    """DeleteTable tells it as DELETING, without its keys; a table of that name made later has a new id."""
    with Sandbox(version) as sandbox:
        dynamodb = client(sandbox)
        first = dynamodb.create_table(**indexed_table("users"))["TableDescription"]
        deleted = dynamodb.delete_table(TableName="users")["TableDescription"]
        with pytest.raises(ClientError) as refused:
            dynamodb.describe_table(TableName="users")
        second = dynamodb.create_table(**indexed_table("users"))["TableDescription"]
    assert (deleted["TableStatus"], deleted["TableId"]) == ("DELETING", first["TableId"])
    assert "KeySchema" not in deleted
    assert refusal(refused)[0] == "ResourceNotFoundException"
    assert second["TableId"] != first["TableId"]


@pytest.mark.parametrize("version", VERSIONS)
def test_time_to_live_is_switched_off_with_its_own_attribute_only(version: str) -> None:
    """Switching off names the attribute; another one, or none to switch off, is refused."""
    with Sandbox(version) as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("users"))

        def switch(attribute: str, *, enabled: bool) -> None:
            dynamodb.update_time_to_live(
                TableName="users",
                TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
            )

        with pytest.raises(ClientError, match="TTL is already disabled"):
            switch("exp", enabled=False)
        switch("exp", enabled=True)
        with pytest.raises(ClientError, match="but a different attribute exp is enabled"):
            switch("other", enabled=False)
        switch("exp", enabled=False)
        described = dynamodb.describe_time_to_live(TableName="users")["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "DISABLED"}


def test_the_creation_time_of_6_2_is_always_now_and_that_of_2026_1_is_true() -> None:
    """6.2 doesn't know when a table was made."""
    for version, is_true in (("6.2", False), ("2026.1", True)):
        with Sandbox(version) as sandbox:
            dynamodb = client(sandbox)
            dynamodb.create_table(**simple_table("users"))
            table = sandbox.catalog.tables["users"]
            table.created_at = table.created_at.replace(year=2001)
            told = dynamodb.describe_table(TableName="users")["Table"]["CreationDateTime"]
        assert (told == table.created_at) is is_true


@pytest.mark.parametrize(
    "body",
    [
        ("InternalServerError", "boom"),
        {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "boom"},
    ],
)
def test_a_fault_answers_what_the_switch_says(body: Any) -> None:
    """An error fault for one operation on one table answers an error, and the next request works."""
    with Sandbox() as sandbox:
        dynamodb = client(sandbox)
        dynamodb.create_table(**simple_table("users"))
        sandbox.faults.set("alternator DescribeTable users", Fault("error", (500, body)), times=1)
        with pytest.raises(ClientError, match="boom") as failed:
            dynamodb.describe_table(TableName="users")
        assert dynamodb.describe_table(TableName="users")["Table"]["TableName"] == "users"
    assert failed.value.response["Error"]["Code"] == "InternalServerError"


def test_an_unknown_operation_is_named_in_the_error() -> None:
    """Operations that aren't played are refused, with or without authorization."""
    for authorization in (False, True):
        with Sandbox(authorization=authorization) as sandbox:
            dynamodb = root(sandbox) if authorization else client(sandbox)
            with pytest.raises(ClientError) as refused:
                dynamodb.describe_limits()
        assert refusal(refused) == ("UnknownOperationException", "Unsupported operation DescribeLimits")
