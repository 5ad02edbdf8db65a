"""Answers that come with success but not with what was asked for, and texts without end."""

import pytest

from sandbox.faults import Fault
from tests.faults.harness import Station


@pytest.mark.parametrize("endpoint", ["DescribeTable", "ListTagsOfResource", "DescribeTimeToLive"])
def test_an_alternator_answer_of_another_shape_was_a_bug_of_ours(station: Station, endpoint: str) -> None:
    """An empty object instead of an answer is the node's refusal, with the operation's name."""
    station.node.faults.set(f"alternator {endpoint}", Fault("error", answer=(200, {})))
    station.assert_refused("users", 69, endpoint)


def test_a_list_of_tables_of_another_shape_is_refused(station: Station) -> None:
    """An empty object is no list without tables: the error line names the operation."""
    station.node.faults.set("alternator ListTables", Fault("error", answer=(200, {})))
    station.assert_failed(station.run("backup", "--all"), 69, "ListTables")


@pytest.mark.parametrize("statement", ["SELECT data_center, rack, host_id, rpc_address", "DESCRIBE KEYSPACE"])
def test_a_cql_answer_without_rows_was_a_bug_of_ours(station: Station, statement: str) -> None:
    """No rows where there must be one is the node's refusal."""
    station.node.faults.set("cql", Fault("empty"), containing=statement)
    station.assert_refused("users", 69, "no rows")


def test_a_host_id_that_is_none_claimed_the_repository(station: Station) -> None:
    """Something that isn't a host id is never taken for one."""
    station.node.faults.set("rest GET /storage_service/hostid", Fault("error", answer=(200, "hello")))
    station.assert_refused("users", 69, "hostid")


def test_a_text_without_end_is_cut(station: Station) -> None:
    """What the node says is told up to a length, without control characters."""
    station.node.faults.set("rest POST", Fault("error", answer=(500, "\x1b[31mno" + "x" * 300_000)))
    result = station.run("backup", "users")
    station.assert_failed(result, 69, "refuses")
    assert len(result.stderr) < 10_000
    assert "\x1b" not in result.stderr


def test_a_key_attribute_beyond_ascii_was_a_bug_of_ours(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schema files are UTF-8 in every locale."""
    for name, value in {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    station.dynamodb().create_table(
        TableName="foreign",
        KeySchema=[{"AttributeName": "größe漢", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "größe漢", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert station.run("backup", "foreign").returncode == 0
    schema = next(station.backups.glob("foreign/latest/table_schema.cql")).read_text(encoding="utf-8")
    assert "größe漢" in schema
    station.assert_clean()
