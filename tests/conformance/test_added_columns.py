"""Files of tables from up to 6.2 on a newer server: what refuses them, what helps, and what ends the node."""

from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import BotoCoreError

from sandbox.node import NodeCannotStartError, Sandbox
from tests.conformance.cql_client import connected
from tests.conformance.dynamodb import client, indexed_table, new_index
from tests.conformance.loading import eventually, indexed, load, message, upload
from tests.conformance.snapshotting import in_order, scan
from tests.conformance.test_views_after_loading import filled, without_indexes


def with_global_index(name: str) -> dict[str, Any]:
    """The request for a table with the GSI `by_age` only."""
    request = indexed_table(name)
    del request["LocalSecondaryIndexes"]
    request["AttributeDefinitions"] = request["AttributeDefinitions"][:3]
    return request


def test_files_with_real_columns_load_after_the_columns_were_added(tmp_path: Path) -> None:
    """Refused without the column; with it, added before the index, table and index hold all items."""
    with Sandbox("6.2", directory=tmp_path / "old") as old, Sandbox("2026.1", directory=tmp_path / "new") as new:
        snapshot = filled(old, with_global_index("users"))
        dynamodb = client(new)
        dynamodb.create_table(**with_global_index("computed"))
        upload(new, "computed", snapshot)
        refusal = message(load(new, "computed"))
        assert "malformed_sstable_exception (Failed to read partition " in refusal
        assert refusal.endswith("Column age missing in current schema)")
        assert scan(new, "computed") == []
        dynamodb.create_table(**without_indexes("users"))
        with connected(new.cql) as cql:
            cql.execute('ALTER TABLE "alternator_users"."users" ADD "age" decimal')
            rows = cql.execute(
                "SELECT column_name, type FROM system_schema.columns"
                " WHERE keyspace_name = 'alternator_users' AND table_name = 'users'"
            )
            assert ("age", "decimal") in {(row.column_name, row.type) for row in rows}
        upload(new, "users", snapshot)
        assert load(new, "users").status == 200
        dynamodb.update_table(TableName="users", **new_index("by_age", "age", "N"))
        eventually(lambda: len(indexed(new, "users", "by_age")) == 30)
        assert in_order(scan(new, "users")) == in_order(scan(old, "users"))


def test_a_column_of_another_type_does_not_help(tmp_path: Path) -> None:
    """The type must be that of the file's column."""
    with Sandbox("6.2", directory=tmp_path / "old") as old, Sandbox("2026.1", directory=tmp_path / "new") as new:
        snapshot = filled(old, with_global_index("users"))
        client(new).create_table(**without_indexes("users"))
        with connected(new.cql) as cql:
            cql.execute('ALTER TABLE "alternator_users"."users" ADD "age" text')
        upload(new, "users", snapshot)
        assert "age definition in serialization header does not match schema" in message(load(new, "users"))


@pytest.mark.parametrize(
    ("request_of", "statement"),
    [
        (indexed_table, 'ALTER TABLE "alternator_users"."users" ADD "day" text'),
        (indexed_table, 'ALTER TABLE "alternator_users"."users" ADD "other" text'),
        (with_global_index, 'ALTER TABLE "alternator_users"."users" ADD "age" decimal'),
    ],
    ids=["key of an LSI", "beside an LSI", "key of a GSI"],
)
def test_the_deadly_statement_ends_the_node_for_good(request_of: Any, statement: str, tmp_path: Path) -> None:
    """No port answers any more, and no node starts on that directory again."""
    with Sandbox("2026.1", directory=tmp_path) as sandbox:
        client(sandbox).create_table(**request_of("users"))
        with connected(sandbox.cql) as cql, pytest.raises(Exception, match=r"(?i)connection|closed|host"):
            cql.execute(statement, timeout=5)
        with pytest.raises(BotoCoreError):
            client(sandbox).list_tables()
        with pytest.raises(urllib3.exceptions.HTTPError):
            urllib3.request("GET", f"{sandbox.api.url}/storage_service/hostid/local", retries=False)
    with pytest.raises(NodeCannotStartError, match=r"schema.cc:464"):
        Sandbox("2026.1", directory=tmp_path)


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ('ALTER TABLE "alternator_users"."users" ADD "sk" text', "conflicts with an existing column"),
        ('ALTER TABLE "alternator_users"."nope" ADD "a" text', "unconfigured table nope"),
        ('ALTER TABLE "alternator_users"."users" DROP "a"', "supports no other ALTER TABLE than ADD"),
        ("ALTER TABLE system.local ADD a text", "is not user-modifiable"),
    ],
    ids=["existing", "unknown", "drop", "system"],
)
def test_what_cannot_be_added_is_refused(statement: str, text: str) -> None:
    """And the node lives on."""
    with Sandbox("2026.1") as sandbox:
        client(sandbox).create_table(**without_indexes("users"))
        with connected(sandbox.cql) as cql, pytest.raises(Exception, match=text):
            cql.execute(statement)
        assert client(sandbox).list_tables()["TableNames"] == ["users"]
