"""The sandbox's CQL server as clients meet it: the driver's defaults, prepared statements, refusals, the port's end."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from cassandra import InvalidRequest, Unauthorized
from cassandra.cluster import Cluster, NoHostAvailable, Session
from cassandra.protocol import SyntaxException

from sandbox.node import Sandbox
from tests.conformance.cql_client import answer, connected
from tests.conformance.dynamodb import client, indexed_table, new_index, simple_table
from tests.conformance.replay import VERSIONS, load


Connect = Callable[[str], Session]

LOG = "streamed_scylla_cdc_log"
BOTH = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(scope="module")
def refusing() -> Iterator[Connect]:
    """Sessions with sandboxes that have a table `users`, one for each version; only for what changes nothing."""
    with ExitStack() as stack:
        sessions: dict[str, Session] = {}

        def connect(version: str) -> Session:
            if version not in sessions:
                sandbox = stack.enter_context(Sandbox(version))
                client(sandbox).create_table(**simple_table("users"))
                sessions[version] = stack.enter_context(connected(sandbox.cql))
            return sessions[version]

        yield connect


def message(sandbox: Sandbox, statement: str) -> str:
    """What a statement is refused with, without what the driver says around it."""
    with connected(sandbox.cql) as session:
        return str(answer(session, statement)["message"]).partition('message="')[2].removesuffix('"')


@BOTH
def test_driver_with_its_defaults_connects_and_reads_the_schema(version: str) -> None:
    """The driver comes down from its newest protocol version and finds tables and keys in the schema tables."""
    with Sandbox(version) as sandbox:
        client(sandbox).create_table(**indexed_table("users"))
        cluster = Cluster([sandbox.cql.host], port=sandbox.cql.port)
        try:
            cluster.connect()
            users = cluster.metadata.keyspaces["alternator_users"].tables["users"]
            assert cluster.protocol_version == 4
            assert [column.name for column in users.primary_key] == ["pk", "sk"]
            assert set(users.views) == {"users:by_age", "users!:by_day"}
        finally:
            cluster.shutdown()


@BOTH
def test_prepared_statement_takes_bound_values(version: str) -> None:
    """Values bound to a prepared statement select the same rows as literals do, in any session of the node."""
    with Sandbox(version) as sandbox:
        client(sandbox).create_table(**simple_table("users"))
        with connected(sandbox.cql) as session:
            prepared = session.prepare(
                "SELECT id, table_name FROM system_schema.tables"
                " WHERE keyspace_name = ? AND table_name IN (?, 'other') LIMIT ?"
            )
            rows = session.execute(prepared, ("alternator_users", "users", 5)).all()
        assert rows == [(sandbox.catalog.tables["users"].id, "users")]


@BOTH
def test_system_tables_have_the_ids_of_real_nodes(version: str) -> None:
    """The server's own tables have the same ids on every node, made from their names."""
    recorded = {tuple(row[:2]): row[2] for row in load(version, "cql.json")["tables"]["rows"]}
    with Sandbox(version) as sandbox, connected(sandbox.cql) as session:
        rows = session.execute("SELECT keyspace_name, table_name, id FROM system_schema.tables").all()
    assert rows
    assert all(recorded[row[:2]] == str(row.id) for row in rows)


@BOTH
@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("", SyntaxException),
        ("SELECT", SyntaxException),
        ("SELECT * FROM system.local WHERE key = 'local", SyntaxException),
        ("SELECT * FROM system.local; SELECT * FROM system.local", SyntaxException),
        ("SELECT count(*) FROM system.local", SyntaxException),
        ("SELECT * FROM system.table", SyntaxException),
        ("SELECT * FROM local", InvalidRequest),
        ("SELECT * FROM system.local WHERE key = 1", InvalidRequest),
        ("SELECT * FROM system.local LIMIT 0", InvalidRequest),
        ("SELECT * FROM system.local WHERE rack = 'rack1'", InvalidRequest),
        ("SELECT * FROM system.clients", InvalidRequest),
        ("SELECT * FROM alternator_users.users", InvalidRequest),
        ("SELECT nothing FROM alternator_users.users", InvalidRequest),
        ("INSERT INTO alternator_users.users (pk) VALUES ('x')", InvalidRequest),
        ("DROP TABLE alternator_users.users", InvalidRequest),
        ("DESCRIBE TABLE system.local", InvalidRequest),
        ("DESCRIBE KEYSPACE system", InvalidRequest),
        ("DESCRIBE TABLE users", InvalidRequest),
        ("DESCRIBE INDEX alternator_users.users", SyntaxException),
        ("USE nowhere", InvalidRequest),
        ("LIST ALL PERMISSIONS", Unauthorized),
        ("LIST ALL PERMISSIONS ON TABLE alternator_users.users", Unauthorized),
        ("LIST ALL PERMISSIONS ON TABLE alternator_users.none", InvalidRequest),
        ("GRANT SELECT ON TABLE alternator_users.users TO someone", Unauthorized),
        ("GRANT EXECUTE ON TABLE alternator_users.users TO someone", SyntaxException),
    ],
)
def test_statement_that_is_not_supported_is_refused(
    refusing: Connect, version: str, statement: str, error: type[Exception]
) -> None:
    """What the sandbox can't answer as a real node would is an error, never an empty answer."""
    with pytest.raises(error):
        refusing(version).execute(statement)


@BOTH
def test_session_finds_tables_in_the_keyspace_in_use(version: str) -> None:
    """After USE, names without a keyspace are looked for in it."""
    with Sandbox(version) as sandbox:
        client(sandbox).create_table(**simple_table("My.Table"))
        with connected(sandbox.cql) as session:
            session.set_keyspace("alternator_My.Table")
            described = session.execute('DESCRIBE TABLE "My.Table"').one()
            assert (described.keyspace_name, described.name) == ('"alternator_My.Table"', '"My.Table"')
            assert session.execute("DESCRIBE TABLES").all() == [described[:3]]
            assert session.execute('DESC "alternator_My.Table"').all()[1] == described


@BOTH
def test_table_with_a_reserved_name_is_quoted(version: str) -> None:
    """A table named like a reserved word needs quotes, and so does its view, but not its keyspace."""
    with Sandbox(version) as sandbox:
        client(sandbox).create_table(**indexed_table("select"))
        with connected(sandbox.cql) as session:
            names = [row[:3] for row in session.execute('DESCRIBE TABLE alternator_select."select"')]
    assert names == [
        ("alternator_select", "table", '"select"'),
        ("alternator_select", "view", '"select!:by_day"'),
        ("alternator_select", "view", '"select:by_age"'),
    ]


def test_internal_tables_are_described_as_comments_from_2025_1_on() -> None:
    """A CDC log and an LWT state table are told in a comment, a view not at all, when asked for as tables."""
    with Sandbox("2026.1") as sandbox:
        dynamodb = client(sandbox)
        tags = [
            {"Key": "system:initial_tablets", "Value": "none"},
            {"Key": "system:write_isolation", "Value": "always"},
        ]
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        dynamodb.create_table(**simple_table("streamed", Tags=tags, StreamSpecification=stream))
        dynamodb.update_table(TableName="streamed", **new_index("by_a", "a"))
        with connected(sandbox.cql) as session:
            log = session.execute(f"DESCRIBE TABLE alternator_streamed.{LOG}").one()
            whole = session.execute("DESCRIBE TABLE alternator_streamed.streamed").all()
        assert log.create_statement.startswith("/* Do NOT execute this statement!")
        assert f"CREATE TABLE alternator_streamed.{LOG} (" in log.create_statement
        assert [row.name for row in whole] == ["streamed", '"streamed:by_a"', LOG]
        refusal = message(sandbox, 'DESCRIBE TABLE alternator_streamed."streamed:by_a"')
        assert refusal == "Cannot use DESC TABLE on materialized View"


def test_internal_tables_are_refused_up_to_6_2() -> None:
    """A CDC log is refused, with its table named, and a view is described, when asked for as tables."""
    with Sandbox("6.2") as sandbox:
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        client(sandbox).create_table(**simple_table("streamed", StreamSpecification=stream))
        client(sandbox).create_table(**indexed_table("users"))
        assert message(sandbox, f"DESCRIBE TABLE alternator_streamed.{LOG}") == (
            f"alternator_streamed.{LOG} is a cdc log table and it cannot be described directly."
            " Try `DESC TABLE alternator_streamed.streamed` to describe cdc base table and it's log table."
        )
        with connected(sandbox.cql) as session:
            view = session.execute('DESCRIBE TABLE alternator_users."users:by_age"').one()
        assert view.create_statement.startswith("CREATE MATERIALIZED VIEW")


@BOTH
def test_view_keys_are_computed_columns_where_they_are_no_real_ones(version: str) -> None:
    """A key of an index is either a real column of the table or a computed one of the view."""
    with Sandbox(version) as sandbox:
        client(sandbox).create_table(**indexed_table("users"))
        with connected(sandbox.cql) as session:
            columns = session.execute(
                "SELECT column_name FROM system_schema.columns"
                " WHERE keyspace_name = 'alternator_users' AND table_name = 'users'"
            )
            computed = session.execute(
                "SELECT * FROM system_schema.computed_columns WHERE keyspace_name = 'alternator_users'"
            )
            real = {row.column_name for row in columns} - {"pk", "sk", ":attrs"}
            of_views = {(row.table_name, row.column_name): row.computation for row in computed}
    expected: dict[str, tuple[Any, Any]] = {
        "6.2": ({"age", "day"}, {}),
        "2026.1": (
            set(),
            {
                ("users:by_age", "age"): (
                    b'{"type":"alternator_extract_from_attrs","attr_name":"age","desired_type":"N"}'
                ),
                ("users!:by_day", "day"): (
                    b'{"type":"alternator_extract_from_attrs","attr_name":"day","desired_type":"S"}'
                ),
            },
        ),
    }
    assert (real, of_views) == expected[version]


@BOTH
def test_role_without_grants_can_not_read_other_system_tables(version: str) -> None:
    """The version, the topology and tablets are for those who were given SELECT: over CQL, REST tells them."""
    with Sandbox(version, authorization=True) as sandbox:
        sandbox.catalog.add_role("backup", "backup")
        with connected(sandbox.cql, "backup", "backup") as session:
            for table in ("versions", "topology", "tablets"):
                with pytest.raises(Unauthorized, match=f"on <table system.{table}> or any of its parents"):
                    session.execute(f"SELECT * FROM system.{table}")


def test_role_that_may_not_log_in_is_refused() -> None:
    """A role with LOGIN = false is told so, with its password right."""
    with Sandbox(authorization=True) as sandbox:
        with connected(sandbox.cql, "cassandra", "cassandra") as session:
            session.execute("CREATE ROLE group_of_people WITH PASSWORD = 'x'")
        with (
            pytest.raises(NoHostAvailable, match="is not permitted to log in"),
            connected(sandbox.cql, "group_of_people", "x"),
        ):
            pass


@BOTH
def test_dropped_table_is_gone(version: str) -> None:
    """A table that was dropped and made again has another id; while it is gone its keyspace is unknown."""
    statement = "SELECT id FROM system_schema.tables WHERE keyspace_name = 'alternator_users'"
    with Sandbox(version) as sandbox, connected(sandbox.cql) as session:
        ids = []
        for _ in range(2):
            client(sandbox).create_table(**simple_table("users"))
            ids.append(session.execute(statement).one().id)
            client(sandbox).delete_table(TableName="users")
            assert session.execute(statement).one() is None
            assert message(sandbox, "DESC alternator_users.users") == "'users' not found in keyspaces"
    assert ids[0] != ids[1]


def test_port_is_down_after_stop() -> None:
    """Stopping ends open sessions at once, and the port refuses new ones."""
    with Sandbox() as sandbox, connected(sandbox.cql) as session:
        sandbox.cql.stop()
        with pytest.raises(NoHostAvailable):
            session.execute("SELECT * FROM system.local")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((sandbox.cql.host, sandbox.cql.port), timeout=5)
