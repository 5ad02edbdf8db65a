"""The requests to Alternator that were recorded from real nodes get the recorded answers."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, root, simple_table
from tests.conformance.replay import (
    VERSIONS,
    alternator,
    assert_same,
    load,
    volatile_paths,
    write_items,
)


RECORDING = "alternator_raw.json"


def as_recorded(error: pytest.ExceptionInfo[ClientError]) -> dict[str, Any]:
    """An error in the form in which auth.json holds them."""
    response = error.value.response
    return {"error": response["Error"], "http": response["ResponseMetadata"]["HTTPStatusCode"]}


@pytest.mark.parametrize("version", VERSIONS)
def test_answers_the_recorded_requests_as_recorded(version: str) -> None:
    """Every recorded request, in order, gets the recorded status, content type and answer."""
    entries = load(version, RECORDING)
    first_list = next(i for i, entry in enumerate(entries) if entry["target"].endswith("ListTables"))
    with Sandbox(version) as sandbox:
        for i, entry in enumerate(entries):
            if i == first_list:
                # The recorded node's items were written here; without them nothing makes users$paxos.
                write_items(sandbox)
            if entry["target"].endswith("ListTables"):
                continue
            operation = entry["target"].partition(".")[2]
            answer = alternator(sandbox, operation, entry["request"])
            what = f"{operation} {entry['request'].get('TableName', '')}".strip()
            assert (answer.status, answer.content_type) == (entry["status"], entry["content_type"]), what
            assert_same(
                entry["response"],
                json.loads(answer.body),
                volatile=volatile_paths(version, RECORDING, what),
                what=f"{i}: {what}",
            )


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_the_recorded_tables_in_pages_of_the_recorded_form(version: str) -> None:
    """All recorded names are listed, in pages of the same lengths that name their last table unless nothing follows."""
    entries = load(version, RECORDING)
    first_list = next(i for i, entry in enumerate(entries) if entry["target"].endswith("ListTables"))
    recorded = [entry["response"] for entry in entries if entry["target"].endswith("ListTables")]
    with Sandbox(version) as sandbox:
        for entry in entries[:first_list]:
            alternator(sandbox, entry["target"], entry["request"])
        write_items(sandbox)
        given = list(_pages(sandbox, limit=4))
    assert sorted(_names(given)) == sorted(_names(recorded))
    assert [len(page["TableNames"]) for page in given] == [len(page["TableNames"]) for page in recorded]
    for page, like in zip(given, recorded, strict=True):
        assert page.keys() == like.keys()
        assert page.get("LastEvaluatedTableName") in (None, page["TableNames"][-1])


@pytest.mark.parametrize("version", VERSIONS)
def test_refuses_wrong_credentials_as_recorded(version: str) -> None:
    """A wrong secret, an unknown user and an unsigned request get the recorded errors."""
    recorded = load(version, "auth.json")
    with Sandbox(version, authorization=True) as sandbox:
        with pytest.raises(ClientError) as wrong_secret:
            client(sandbox, "cassandra", "wrong").list_tables()
        with pytest.raises(ClientError) as unknown_user:
            client(sandbox, "nobody", "secret").list_tables()
        unsigned = alternator(sandbox, "ListTables", {})
    assert as_recorded(wrong_secret) == recorded["wrong_secret"]
    assert as_recorded(unknown_user) == recorded["unknown_user"]
    assert unsigned.status == recorded["unsigned"][0]
    assert json.loads(unsigned.body) == json.loads(recorded["unsigned"][1])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_role_without_grants_may_do_what_was_recorded(version: str) -> None:
    """A role without any grant can list and describe, and is refused the rest with the recorded texts."""
    recorded = load(version, "auth.json")
    with Sandbox(version, authorization=True) as sandbox:
        created = root(sandbox).create_table(**simple_table("users"))["TableDescription"]
        backup = client(sandbox, "backup", sandbox.catalog.add_role("backup", "secret").salted_hash)
        arn = backup.describe_table(TableName="users")["Table"]["TableArn"]
        assert backup.list_tables()["TableNames"] == ["users"]
        assert backup.list_tags_of_resource(ResourceArn=arn)["Tags"] == []
        ttl = backup.describe_time_to_live(TableName="users")["TimeToLiveDescription"]
        assert ttl == {"TimeToLiveStatus": "DISABLED"}
        for name, request in (
            ("backup_scan", partial(backup.scan, TableName="users")),
            ("a role without any grant: CreateTable", partial(backup.create_table, **simple_table("other"))),
            ("a role without any grant: DeleteTable", partial(backup.delete_table, TableName="users")),
        ):
            with pytest.raises(ClientError) as refused:
                request()
            assert as_recorded(refused) == recorded[name]
    assert created["TableStatus"] == "ACTIVE"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_creator_of_a_table_holds_the_recorded_permissions(version: str) -> None:
    """CreateTable gives its role all permissions on the table and its views, and DeleteTable takes them away."""
    recorded = load(version, "auth.json")["as cassandra: LIST ALL PERMISSIONS ON TABLE alternator_users.users"]
    expected = {text for text in recorded if text.startswith("('cassandra'")}
    with Sandbox(version, authorization=True) as sandbox:
        cassandra = root(sandbox)
        cassandra.create_table(**load(version, RECORDING)[0]["request"])
        for name in ("users", "users:by_email"):
            held = {
                str((grant.role, grant.role, f"<table {grant.keyspace}.{grant.name}>", grant.permission))
                for grant in sandbox.catalog.grants
                if grant.name == name
            }
            assert held == {text.replace("users.users", f"users.{name}") for text in expected}
        cassandra.delete_table(TableName="users")
        assert not sandbox.catalog.grants


def test_tells_its_health_and_its_nodes_without_credentials() -> None:
    """GET / and GET /localnodes answer anybody."""
    with Sandbox(authorization=True) as sandbox:
        host = f"{sandbox.alternator.host}:{sandbox.alternator.port}"
        health = urllib3.request("GET", sandbox.alternator.url, retries=False)
        nodes = urllib3.request("GET", f"{sandbox.alternator.url}/localnodes", retries=False)
    assert (health.status, health.data) == (200, f"healthy: {host}".encode())
    assert (nodes.status, nodes.json()) == (200, ["127.0.0.1"])


def _pages(sandbox: Sandbox, limit: int) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {"Limit": limit}
    while True:
        answer = alternator(sandbox, "ListTables", request)
        assert (answer.status, answer.content_type) == (200, "application/x-amz-json-1.0")
        page = json.loads(answer.body)
        yield page
        if "LastEvaluatedTableName" not in page:
            return
        request["ExclusiveStartTableName"] = page["LastEvaluatedTableName"]


def _names(pages: list[dict[str, Any]]) -> list[str]:
    return [name for page in pages for name in page["TableNames"]]
