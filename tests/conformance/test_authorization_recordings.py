"""Who may do what over CQL, as real nodes with authentication and authorization answered."""

from collections.abc import Iterator

import pytest
from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session

from sandbox.node import Sandbox
from tests.conformance.cql_client import connected
from tests.conformance.dynamodb import root, simple_table
from tests.conformance.replay import VERSIONS, load


LIST_ON_TABLE = "LIST ALL PERMISSIONS ON TABLE alternator_users.users"
BEFORE_THE_GRANT = (
    "DESCRIBE TABLE alternator_users.users",
    "SELECT id FROM system_schema.tables WHERE keyspace_name='alternator_users' AND table_name='users'",
    "SELECT host_id FROM system.local",
    "SELECT salted_hash FROM system.roles",
    "SELECT * FROM alternator_users.users",
    "SELECT * FROM system.role_permissions",
    "DESCRIBE SCHEMA WITH INTERNALS",
    "GRANT SELECT ON KEYSPACE alternator_users TO backup",
)


@pytest.fixture
def secured(version: str) -> Iterator[Sandbox]:
    """The recorded node: the superuser's table `users`, and the role `backup` without grants."""
    with Sandbox(version, authorization=True) as sandbox:
        root(sandbox).create_table(**simple_table("users"))
        with connected(sandbox.cql, "cassandra", "cassandra") as session:
            session.execute("CREATE ROLE backup WITH PASSWORD = 'backup' AND LOGIN = true")
        yield sandbox


def outcome(session: Session, statement: str) -> str:
    """How many rows a statement gives, or its error, as the recordings say it."""
    try:
        return f"{len(session.execute(statement).all())} rows"
    except DriverException as error:
        return f"{type(error).__name__}: {error}"


def rows(session: Session, statement: str) -> list[str]:
    """The rows of a statement, as the recordings write them."""
    return [str(tuple(row)) for row in session.execute(statement)]


def refused_login(sandbox: Sandbox, *credentials: str) -> str:
    """What the driver says when it can't connect, with the port that the recorded node had."""
    with pytest.raises(NoHostAvailable) as raised, connected(sandbox.cql, *credentials):
        pass
    return f"NoHostAvailable: {raised.value}".replace(f":{sandbox.cql.port}", ":9042")


@pytest.mark.parametrize("version", VERSIONS)
def test_login_is_refused_as_recorded(secured: Sandbox, version: str) -> None:
    """Without credentials, and with a wrong password, the driver says what it said of the real node."""
    recorded = load(version, "auth.json")
    assert refused_login(secured) == recorded["cql_no_auth"]
    assert refused_login(secured, "cassandra", "wrong") == recorded["cql_wrong"]


@pytest.mark.parametrize("version", VERSIONS)
def test_superuser_reads_roles_as_recorded(secured: Sandbox, version: str) -> None:
    """system.roles has the recorded columns and hashes, and system_auth no such table."""
    recorded = load(version, "auth.json")
    statement = "SELECT salted_hash FROM system_auth.roles WHERE role='cassandra'"
    with connected(secured.cql, "cassandra", "cassandra") as session:
        roles = session.execute("SELECT * FROM system.roles")
        salted_hash = next(row.salted_hash for row in roles if row.role == "cassandra")
        assert roles.column_names == recorded["system.roles columns"]
        assert salted_hash.startswith(recorded["salted_hash_prefix"])
        assert len(salted_hash) == recorded["salted_hash_length"]
        assert outcome(session, statement) == recorded[statement]


@pytest.mark.parametrize("version", VERSIONS)
def test_role_without_grants_is_answered_as_recorded(secured: Sandbox, version: str) -> None:
    """It may describe tables and read schema tables and system.local, and nothing else."""
    recorded = load(version, "auth.json")
    with connected(secured.cql, "backup", "backup") as session:
        given = {statement: outcome(session, statement) for statement in BEFORE_THE_GRANT}
    assert given == {statement: recorded[f"as backup: {statement}"] for statement in BEFORE_THE_GRANT}


@pytest.mark.parametrize("version", VERSIONS)
def test_grants_are_listed_as_recorded(secured: Sandbox, version: str) -> None:
    """The superuser's grants as the creator, and one that it gave, are seen by both roles with LIST PERMISSIONS."""
    recorded = load(version, "auth.json")
    with connected(secured.cql, "cassandra", "cassandra") as session:
        session.execute("GRANT SELECT ON TABLE alternator_users.users TO backup")
        assert rows(session, LIST_ON_TABLE) == recorded[f"as cassandra: {LIST_ON_TABLE}"]
        statement = "SELECT * FROM system.role_permissions"
        assert sorted(rows(session, statement)) == sorted(recorded[f"as cassandra: {statement}"])
    with connected(secured.cql, "backup", "backup") as session:
        assert rows(session, LIST_ON_TABLE) == recorded[f"as backup: {LIST_ON_TABLE}"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("of", ["", " OF app"])
def test_others_permissions_are_refused_as_recorded(secured: Sandbox, version: str, of: str) -> None:
    """A role without grants sees permissions of a table only: not everybody's, not another role's."""
    recorded = load(version, "auth.json")[f"a role without any grant: LIST ALL PERMISSIONS{of}"]
    with connected(secured.cql, "cassandra", "cassandra") as session:
        session.execute("CREATE ROLE app WITH PASSWORD = 'app' AND LOGIN = true")
    with connected(secured.cql, "backup", "backup") as session:
        given = outcome(session, f"LIST ALL PERMISSIONS{of}")
    assert given.replace("Error from server: ", "").replace(" [Unauthorized]", "") == recorded


@pytest.mark.parametrize("version", VERSIONS)
def test_revoked_permission_is_gone(secured: Sandbox, version: str) -> None:
    """After REVOKE the role is refused again, with the table named."""
    statement = "SELECT * FROM alternator_users.users"
    recorded = load(version, "auth.json")
    with (
        connected(secured.cql, "cassandra", "cassandra") as superuser,
        connected(secured.cql, "backup", "backup") as session,
    ):
        superuser.execute("GRANT SELECT ON KEYSPACE alternator_users TO backup")
        assert "does not answer SELECT" in outcome(session, statement)
        superuser.execute("REVOKE ALL ON KEYSPACE alternator_users FROM backup")
        assert outcome(session, statement) == recorded[f"as backup: {statement}"]
