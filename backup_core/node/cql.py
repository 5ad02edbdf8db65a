"""CQL, through cassandra-driver: one connection for one run, to this node only."""

import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cassandra import (
    AuthenticationFailed,
    DriverException,
    InvalidRequest,
    OperationTimedOut,
    RequestExecutionException,
    Unauthorized,
)
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
    _discard_cluster_shutdown,
)
from cassandra.connection import ConnectionException
from cassandra.policies import ConstantReconnectionPolicy, WhiteListRoundRobinPolicy
from cassandra.protocol import ErrorMessage, ServerError
from cassandra.protocol import RequestExecutionException as ExecutionErrorMessage

from backup_core.cancel import CancelToken
from backup_core.errors import (
    BackupError,
    NodeRefusedError,
    NodeUnavailableError,
    NotFoundError,
    PermissionDeniedError,
    excerpt,
)


PROTOCOL_VERSION = 4
"""What every ScyllaDB speaks; the driver would try newer ones first, with a refused connection for each."""

_AUTHORIZATION_OFF = ("AllowAllAuthorizer", "logged in and not anonymous")
"""What LIST PERMISSIONS is refused with where nobody has permissions (auth/allow_all_authorizer.hh,
cql3/statements/list_permissions_statement.cc)."""

_NODES_OWN_TROUBLE = (RequestExecutionException, ExecutionErrorMessage, ServerError)
"""The driver has exceptions for some of the server's errors, and raises the other messages as they came."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CqlEndpoint:
    """Where CQL is and who asks; `username` is empty where authentication is off.

    Attributes:
        tls: speak TLS; `ca_file` are the certificates to trust instead of the system's.
        timeout_seconds: to connect, and for one answer.
    """

    host: str
    port: int = 9042
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: str | None = None
    timeout_seconds: float = 15.0


class CqlClient:
    """The reads that a backup needs. Connects when first asked; `close` ends its threads."""

    def __init__(self, endpoint: CqlEndpoint, cancel: CancelToken) -> None:
        self._endpoint = endpoint
        self._cancel = cancel
        self._cluster: Cluster | None = None
        self._session: Session | None = None

    def table_ids(self) -> dict[tuple[str, str], str]:
        """Ids of all tables of the node, views excepted: (keyspace, name) -> 32 hex digits."""
        rows = self.rows("SELECT keyspace_name, table_name, id FROM system_schema.tables")
        return {(row["keyspace_name"], row["table_name"]): row["id"].hex for row in rows}

    def table_id(self, keyspace: str, name: str) -> str | None:
        """Id of one table, 32 hex digits; None if there is no such table."""
        rows = self.rows(
            "SELECT id FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s", (keyspace, name)
        )
        return rows[0]["id"].hex if rows else None

    def ids(self, keyspace: str) -> frozenset[str]:
        """Ids of all tables and views of a keyspace, 32 hex digits each."""
        tables = self.rows("SELECT id FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))
        return frozenset(row["id"].hex for row in (*tables, *self.views(keyspace)))

    def describe_table(self, keyspace: str, name: str) -> tuple[Row, ...]:
        """Rows of DESCRIBE TABLE: the table, its views, and its CDC log where streams are on.

        Raises:
            NotFoundError: there is no such table.
        """
        return self.rows(f"DESCRIBE TABLE {quoted(keyspace)}.{quoted(name)}")

    def describe_keyspace(self, keyspace: str) -> str:
        """CREATE KEYSPACE of a keyspace, which is the first row of DESCRIBE KEYSPACE."""
        rows = self.rows(f"DESCRIBE KEYSPACE {quoted(keyspace)}")
        return str(self._first(rows, "DESCRIBE KEYSPACE")["create_statement"])

    def columns(self, keyspace: str) -> tuple[Row, ...]:
        """Columns of all tables and views of a keyspace."""
        return self.rows(
            "SELECT table_name, column_name, kind, position, clustering_order, type "
            "FROM system_schema.columns WHERE keyspace_name = %s",
            (keyspace,),
        )

    def views(self, keyspace: str) -> tuple[Row, ...]:
        """Views of a keyspace with their ids and base tables."""
        return self.rows(
            "SELECT view_name, id, base_table_name FROM system_schema.views WHERE keyspace_name = %s", (keyspace,)
        )

    def replication(self, keyspace: str) -> dict[str, str] | None:
        """Replication of a keyspace: class, and replicas per data centre. None if there is no such keyspace."""
        rows = self.rows("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", (keyspace,))
        return dict(rows[0]["replication"]) if rows else None

    def permissions(self, keyspace: str, name: str) -> tuple[Row, ...] | None:
        """Grants on a table or view, of every role; readable by any role. None where authorization is off."""
        try:
            return self.rows(f"LIST ALL PERMISSIONS ON TABLE {quoted(keyspace)}.{quoted(name)}")
        except (NodeRefusedError, PermissionDeniedError) as error:
            if any(sign in error.message for sign in _AUTHORIZATION_OFF):
                return None
            raise

    def local(self) -> Row:
        """This node's row of system.local: data centre, rack, host id, addresses, schema version."""
        rows = self.rows(
            "SELECT data_center, rack, host_id, rpc_address, broadcast_address, listen_address, schema_version "
            "FROM system.local"
        )
        return self._first(rows, "SELECT FROM system.local")

    def supported_features(self) -> frozenset[str]:
        """Names of what this node's release can do, as it tells other nodes; empty if it doesn't tell."""
        row = self._first(self.rows("SELECT supported_features FROM system.local"), "SELECT FROM system.local")
        return frozenset(filter(None, str(row["supported_features"] or "").split(",")))

    def placements(self) -> tuple[tuple[str, str], ...]:
        """Data centre and rack of each node that this one knows, itself among them."""
        rows = (self.local(), *self.rows("SELECT data_center, rack FROM system.peers"))
        return tuple((row["data_center"], row["rack"]) for row in rows if row["data_center"] and row["rack"])

    def host_ids(self) -> frozenset[str]:
        """Host ids of all nodes of the ring that this one knows, itself among them."""
        rows = (self.local(), *self.rows("SELECT host_id FROM system.peers"))
        return frozenset(str(row["host_id"]) for row in rows if row["host_id"])

    def salted_hash(self, role: str) -> str | None:
        """A role's secret key for Alternator; None if there is no such role.

        Raises:
            PermissionDeniedError: this role may not read the others' secrets, which is usual.
        """
        rows = self.rows("SELECT salted_hash FROM system.roles WHERE role = %s", (role,))
        return rows[0]["salted_hash"] if rows else None

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> tuple[Row, ...]:
        """All rows of a statement.

        Raises:
            NodeUnavailableError: the port is down, hangs, or the node is overloaded.
            PermissionDeniedError: wrong user or password, or the role may not.
            NotFoundError: DESCRIBE of something that isn't there.
            NodeRefusedError: anything else that the node says no to.
        """
        try:
            return self._cancel.call(
                lambda: tuple(
                    row._asdict()
                    for row in self._connected().execute(
                        statement, parameters or None, timeout=self._endpoint.timeout_seconds
                    )
                )
            )
        except (NoHostAvailable, DriverException, ErrorMessage, ConnectionException, OSError) as error:
            raise self._translated(error) from error

    def close(self) -> None:
        """Close the connection and end the driver's threads; one that is still being made is left to its timeout."""
        if self._session is not None:
            self._session.cluster.shutdown()
        elif self._cluster is not None:
            # It would wait for the connection, here and again at the process's end.
            _discard_cluster_shutdown(self._cluster)
        self._cluster = self._session = None

    def _first(self, rows: tuple[Row, ...], statement: str) -> Row:
        if not rows:
            raise NodeRefusedError(
                f"CQL at {self._endpoint.host}:{self._endpoint.port} answers {statement} with no rows.",
                hint="Is cql.host a ScyllaDB node?",
            )
        return rows[0]

    def _connected(self) -> Session:
        if self._session is None:
            self._cluster = _cluster(self._endpoint)
            self._session = self._cluster.connect()
        return self._session

    def _translated(self, error: BaseException) -> BackupError:
        where = f"CQL at {self._endpoint.host}:{self._endpoint.port}"
        cause = _cause(error)
        if isinstance(cause, AuthenticationFailed):
            return PermissionDeniedError(
                f"{where} refuses user {self._endpoint.username!r}: {_server_text(cause)}",
                hint="Look at cql.username and its password.",
            )
        if isinstance(cause, Unauthorized):
            return PermissionDeniedError(f"{where}: {_server_text(cause)}")
        if isinstance(cause, InvalidRequest):
            text = _server_text(cause)
            return NotFoundError(text) if "not found in keyspace" in text else NodeRefusedError(f"{where}: {text}")
        if isinstance(cause, (OperationTimedOut, TimeoutError)):
            what = f"doesn't answer within {self._endpoint.timeout_seconds:g} seconds"
        elif isinstance(cause, _NODES_OWN_TROUBLE):
            return NodeUnavailableError(f"{where}: {_server_text(cause)}", hint="Try again.")
        elif isinstance(cause, NoHostAvailable):
            what = "has closed the connection"
        elif isinstance(cause, (OSError, ConnectionException)):
            what = f"can't be reached: {_server_text(cause)}"
        else:
            return NodeRefusedError(f"{where}: {_server_text(cause)}")
        return NodeUnavailableError(
            f"{where} {what}".rstrip(".") + ".", hint="Is ScyllaDB running, and are cql.host and cql.port right?"
        )


def quoted(identifier: str) -> str:
    """An identifier as CQL takes it whatever it holds."""
    return '"' + identifier.replace('"', '""') + '"'


def _cluster(endpoint: CqlEndpoint) -> Cluster:
    # The driver warns of what it retries; what ends in an error reaches the caller as one.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    return Cluster(
        [endpoint.host],
        port=endpoint.port,
        protocol_version=PROTOCOL_VERSION,
        auth_provider=PlainTextAuthProvider(endpoint.username, endpoint.password) if endpoint.username else None,
        ssl_context=ssl.create_default_context(cafile=endpoint.ca_file) if endpoint.tls else None,
        ssl_options={"server_hostname": endpoint.host} if endpoint.tls else None,
        execution_profiles={
            EXEC_PROFILE_DEFAULT: ExecutionProfile(
                load_balancing_policy=WhiteListRoundRobinPolicy([endpoint.host]),
                request_timeout=endpoint.timeout_seconds,
            )
        },
        connect_timeout=endpoint.timeout_seconds,
        control_connection_timeout=endpoint.timeout_seconds,
        reconnection_policy=ConstantReconnectionPolicy(delay=1.0, max_attempts=1),
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
        monitor_reporting_enabled=False,
        compression=False,
    )


def _cause(error: BaseException) -> BaseException:
    """NoHostAvailable holds the real cause per host."""
    if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) and error.errors:
        causes: list[BaseException] = list(error.errors.values())
        return next((cause for cause in causes if isinstance(cause, AuthenticationFailed)), causes[0])
    return error


def _server_text(error: BaseException) -> str:
    """The server's own words out of the driver's `Error from server: code=2200 [...] message="..."`."""
    text = error.summary_msg() if isinstance(error, ErrorMessage) else str(error)
    _, found, message = text.partition('message="')
    return excerpt(message.removesuffix('"') if found else text)
