"""The real driver against the sandbox: connecting, and its answers in the form that the recordings have."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cassandra import DriverException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import WhiteListRoundRobinPolicy

from sandbox.cql.server import CqlServer


@contextmanager
def connected(server: CqlServer, name: str | None = None, password: str = "") -> Iterator[Session]:
    """A session with a node, as a role if one is named."""
    profile = ExecutionProfile(WhiteListRoundRobinPolicy([server.host]), request_timeout=5)
    cluster = Cluster(
        [server.host],
        port=server.port,
        protocol_version=4,
        auth_provider=None if name is None else PlainTextAuthProvider(name, password),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
        connect_timeout=2,
        control_connection_timeout=2,
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def answer(session: Session, statement: str) -> dict[str, Any]:
    """What a statement is answered with, as the recordings write it down."""
    try:
        result = session.execute(statement)
    except DriverException as error:
        return {"error": type(error).__name__, "message": str(error)}
    columns = list(result.column_names or ())
    return {"columns": columns, "rows": [[_plain(value) for value in row] for row in result]}


def _plain(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    if hasattr(value, "items"):
        return {key: _plain(content) for key, content in value.items()}
    if isinstance(value, list | tuple | set) or hasattr(value, "isdisjoint"):
        return [_plain(each) for each in value]
    return value
