"""The core as a library: the predecessor's function names, against a node."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backup_core.cancel import CancelToken
from backup_core.context import Context
from backup_core.ddl import separate_schema_and_views
from backup_core.errors import NotFoundError
from backup_core.events import SilentReporter
from backup_core.pipeline import backup_table
from backup_core.schema import create_schema_file
from backup_core.snapshot import clear_snapshot, take_snapshot
from backup_core.table_id import get_all_tables, get_table_id
from daemon.settings_file import load_settings
from daemon.wiring import node_context
from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.conformance.dynamodb import client, indexed_table, simple_table


PAGE = 100
STREAMED = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


@pytest.fixture
def context(settings_file: Path) -> Iterator[Context]:
    """What every function gets first."""
    settings = load_settings(settings_file)
    with node_context(settings, SilentReporter(), CancelToken()) as context:
        yield context


@pytest.fixture
def dynamodb(node: Sandbox) -> Any:
    """A client of the node."""
    return client(node)


@pytest.mark.parametrize("node", ["6.2", "2026.1"], indirect=True)
def test_the_steps_can_be_called_one_by_one(node: Sandbox, context: Context, dynamodb: Any, tmp_path: Path) -> None:
    """Id, schema, snapshot and its end, each with the value of the former."""
    dynamodb.create_table(**indexed_table("users"))
    dynamodb.put_item(TableName="users", Item={"pk": {"S": "a"}, "sk": {"S": "b"}})

    table = get_table_id(context, "users")
    assert (table.name, table.id) == ("users", node.catalog.tables["users"].id.hex)

    schema = create_schema_file(context, table, tmp_path / "schema")
    assert sorted(path.name for path in (tmp_path / "schema").iterdir()) == [
        "alternator_schema.json",
        "materialized_view_1.cql",
        "materialized_view_2.cql",
        "table_schema.cql",
    ]
    text = (tmp_path / "schema" / "table_schema.cql").read_text()
    assert separate_schema_and_views(text) == (schema.ddl, [])
    document = json.loads((tmp_path / "schema" / "alternator_schema.json").read_text())
    assert document["table"]["TableName"] == "users"

    snapshot = take_snapshot(context, table, "1733313018")
    assert snapshot.directory == node.data.root / "alternator_users" / table.directory_name / "snapshots" / "1733313018"
    assert {file.name for file in snapshot.files} == {path.name for path in snapshot.directory.iterdir()}
    clear_snapshot(context, snapshot)
    assert list(node.data_directory.glob("*/*/snapshots/*")) == []


def test_a_table_is_backed_up_by_one_call(context: Context, dynamodb: Any) -> None:
    """`backup_table` returns where the backup is, and raises where the predecessor returned False."""
    dynamodb.create_table(**simple_table("users"))
    backup = backup_table(context, "users", "1733313018")
    (stored,) = backup.stored
    assert (backup.table.name, backup.tag) == ("users", "1733313018")
    assert Path(stored.location, "users_backup.tar.gz").is_file()
    with pytest.raises(NotFoundError, match="Table 'nobody' not found"):
        backup_table(context, "nobody")


def test_tables_that_come_and_go_while_they_are_listed_truncate_nothing(
    node: Sandbox, context: Context, dynamodb: Any
) -> None:
    """The node ends its list where the last name of a page has vanished; no other table is missed by that."""
    for number in range(PAGE + 30):
        dynamodb.create_table(**simple_table(f"table-{number}"))

    def change() -> None:
        dropped = list(node.catalog.unordered_tables())[PAGE - 1].name
        dynamodb.delete_table(TableName=dropped)
        dynamodb.create_table(**simple_table("late"))

    node.faults.set("alternator ListTables", Fault("call"), times=1)
    node.faults.set("alternator ListTables", Fault("call", action=change), times=1)
    names = get_all_tables(context)
    assert "late" in names
    assert len(names) == PAGE + 30
    assert names == tuple(sorted(node.catalog.tables))


def test_a_log_of_changes_is_no_table_of_its_own(context: Context, dynamodb: Any) -> None:
    """CDC logs are left out, of enabled and of disabled streams; a table that only has such a name is kept."""
    for name in ("streamed", "disabled", "own_scylla_cdc_log"):
        dynamodb.create_table(**simple_table(name, **({"StreamSpecification": STREAMED} if name[0] != "o" else {})))
    dynamodb.update_table(TableName="disabled", StreamSpecification={"StreamEnabled": False})
    assert "disabled_scylla_cdc_log" in dynamodb.list_tables()["TableNames"]
    assert get_all_tables(context) == ("disabled", "own_scylla_cdc_log", "streamed")


@pytest.mark.parametrize("node", ["2026.1"], indirect=True)
def test_a_table_of_lwt_states_is_no_table_of_its_own(context: Context, dynamodb: Any) -> None:
    """`$paxos` tables, which ListTables shows and nobody can describe, are left out."""
    dynamodb.create_table(**simple_table("users"))
    item = {"pk": {"S": "a"}}
    dynamodb.put_item(TableName="users", Item=item, ConditionExpression="attribute_not_exists(pk)")
    assert "users$paxos" in dynamodb.list_tables()["TableNames"]
    assert get_all_tables(context) == ("users",)
