"""The statement that can stop a cluster for good is never sent to a table with an index."""

from collections.abc import Iterator

import pytest

from backup_core.cancel import CancelToken
from backup_core.context import Context
from backup_core.errors import NodeRefusedError
from backup_core.events import SilentReporter
from backup_core.restore.columns import add_columns
from backup_core.restore.model import Column
from backup_core.restore.tables import create_table
from daemon.settings_file import load_settings
from daemon.wiring import node_context
from sandbox.faults import Fault
from tests.conformance.dynamodb import indexed_table, simple_table
from tests.faults.commands import Gate
from tests.faults.harness import Station


pytestmark = pytest.mark.parametrize("station", ["2026.1"], indirect=True)


@pytest.fixture
def context(station: Station) -> Iterator[Context]:
    """What a restore is given."""
    with node_context(load_settings(station.settings), SilentReporter(), CancelToken()) as context:
        yield context


@pytest.mark.parametrize("left_out", ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"])
def test_no_alter_where_there_is_an_index(station: Station, context: Context, left_out: str) -> None:
    """One index of either kind is enough: an error that says why, and no ALTER on its way."""
    sent = Gate()
    sent.open()
    station.node.faults.set("cql ALTER", Fault("call", action=sent))
    request = indexed_table("indexed")
    del request[left_out]
    used = {"GlobalSecondaryIndexes": "age", "LocalSecondaryIndexes": "day"}[left_out]
    request["AttributeDefinitions"] = [
        each for each in request["AttributeDefinitions"] if each["AttributeName"] != used
    ]
    table = create_table(context, request)
    with pytest.raises(NodeRefusedError, match="has an index"):
        add_columns(context, table, (Column("email", "text"),))
    assert not sent.reached.is_set()


def test_columns_of_a_bare_table(context: Context) -> None:
    """A table without indexes gets its columns, those that it has already stay, and no other type is one of a key."""
    table = create_table(context, simple_table("bare"))
    columns = (Column("age", "decimal"), Column('odd "name"', "text"))
    add_columns(context, table, columns)
    add_columns(context, table, columns)
    found = {row["column_name"]: row["type"] for row in context.cql.columns(table.keyspace)}
    assert {"age": "decimal", 'odd "name"': "text"}.items() <= found.items()
    for wrong in (Column("age", "text"), Column("more", "int")):
        with pytest.raises(NodeRefusedError):
            add_columns(context, table, (wrong,))
