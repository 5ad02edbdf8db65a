"""The one place that builds things from settings.

boto3 and cassandra-driver are imported when a client is made: they cost a third of what a start may, and most verbs
ask the node nothing over them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.context import Context
from backup_core.errors import PermissionDeniedError
from backup_core.events import Reporter
from backup_core.floor import Floor
from backup_core.journal import Journal
from backup_core.lock import TableLocks
from backup_core.node.nodetool import Nodetool
from backup_core.node.rest import RestClient
from backup_core.restore_records import RestoreRecords
from backup_core.sizes import parse_size
from backup_core.snapshot_driver import NodetoolSnapshotDriver, RestSnapshotDriver, SnapshotDriver
from backup_core.throttle import Throttle
from daemon.certificates import ca_file
from daemon.repositories import repositories
from daemon.settings_file import Settings
from daemon.state import state_directory


if TYPE_CHECKING:
    from backup_core.encryption import Identities
    from backup_core.node.alternator import AlternatorClient
    from backup_core.node.cql import CqlClient


JOURNAL_NAME = "snapshots"
"""In the state directory."""


@contextmanager
def node_context(
    settings: Settings,
    reporter: Reporter,
    cancel: CancelToken,
    *,
    lock_wait_seconds: float = 0.0,
    identities: "Identities | None" = None,
) -> Iterator[Context]:
    """Everything that a run needs, closed at the end.

    Args:
        settings: what is in force.
        reporter: hears what happens.
        cancel: ends what waits.
        lock_wait_seconds: how long to wait for a table that another run has.
        identities: private keys, where encrypted backups are to be read.

    Raises:
        SettingsError: something in the settings can't be used.
        PermissionDeniedError: the secret was to be looked up, and the role may not.
    """
    with ExitStack() as stack:
        cql = cql_client(settings, cancel)
        stack.callback(cql.close)
        rest = rest_client(settings, cancel)
        stack.callback(rest.close)
        alternator = alternator_client(settings, cql, cancel)
        stack.callback(alternator.close)
        stored_in = repositories(settings, reporter, host_id=rest.host_id, cancel=cancel, identities=identities)
        for repository in stored_in:
            stack.callback(repository.close)
        yield Context(
            alternator=alternator,
            cql=cql,
            rest=rest,
            snapshots=_snapshot_driver(settings, rest, cancel),
            data_directories=settings.node.data_dirs,
            repositories=stored_in,
            journal=snapshot_journal(settings),
            restores=restore_records(settings),
            restore_staging=settings.node.restore_staging,
            locks=table_locks(settings, cancel, wait_seconds=lock_wait_seconds),
            floor=Floor.parse(settings.limits.min_free_space),
            throttle=throttle(settings, cancel),
            parallel_tables=settings.limits.parallel_tables,
            late_snapshot_seconds=settings.node.snapshot_timeout_seconds,
            index_memory_seconds=settings.node.index_memory_seconds,
            clock=SystemClock(),
            reporter=reporter,
            cancel=cancel,
        )


def snapshot_journal(settings: Settings) -> Journal:
    """The journal of the snapshots that are ours."""
    return Journal(state_directory(settings) / JOURNAL_NAME)


def table_locks(settings: Settings, cancel: CancelToken, *, wait_seconds: float = 0.0) -> TableLocks:
    """The locks of the node's tables."""
    return TableLocks(state_directory(settings) / "locks", wait_seconds=wait_seconds, cancel=cancel)


def throttle(settings: Settings, cancel: CancelToken) -> Throttle:
    """What keeps reading below `limits.read_rate`."""
    return Throttle(parse_size(settings.limits.read_rate), cancel)


def restore_records(settings: Settings) -> RestoreRecords:
    """Which tables restores have made and not finished."""
    return RestoreRecords(state_directory(settings) / "restores")


def cql_client(settings: Settings, cancel: CancelToken) -> "CqlClient":
    """A CQL client; it connects when it is first asked."""
    from backup_core.node.cql import CqlClient, CqlEndpoint  # noqa: PLC0415  (see the module)

    cql = settings.cql
    return CqlClient(
        CqlEndpoint(
            host=cql.host,
            port=cql.port,
            username=cql.username,
            password=cql.password.get_secret_value(),
            tls=cql.tls.enabled,
            ca_file=ca_file("cql.tls.ca_file", cql.tls.ca_file),
            timeout_seconds=settings.node.timeout_seconds,
        ),
        cancel,
    )


def rest_client(settings: Settings, cancel: CancelToken) -> RestClient:
    """A client for the REST API."""
    return RestClient(
        settings.node.api_url,
        cancel,
        timeout_seconds=settings.node.timeout_seconds,
        snapshot_timeout_seconds=settings.node.snapshot_timeout_seconds,
    )


def nodetool(settings: Settings, cancel: CancelToken) -> Nodetool:
    """The command that takes snapshots where the settings say so."""
    command = settings.node.nodetool
    return Nodetool(
        (command,) if isinstance(command, str) else command,
        cancel,
        timeout_seconds=settings.node.timeout_seconds,
        snapshot_timeout_seconds=settings.node.snapshot_timeout_seconds,
    )


def alternator_client(settings: Settings, cql: "CqlClient", cancel: CancelToken) -> "AlternatorClient":
    """A client for Alternator; its secret is looked up over CQL where the settings say so."""
    from backup_core.node.alternator import AlternatorClient, AlternatorEndpoint  # noqa: PLC0415  (see the module)

    alternator = settings.alternator
    secret = alternator.secret_access_key.get_secret_value()
    if alternator.secret_from == "lookup":  # noqa: S105  (where the secret comes from, not the secret)
        secret = _looked_up(alternator.access_key_id, cql)
    return AlternatorClient(
        AlternatorEndpoint(
            url=alternator.endpoint,
            region=alternator.region,
            access_key_id=alternator.access_key_id,
            secret_access_key=secret,
            ca_file=ca_file("alternator.ca_file", alternator.ca_file),
            timeout_seconds=settings.node.timeout_seconds,
        ),
        cancel,
    )


def _snapshot_driver(settings: Settings, rest: RestClient, cancel: CancelToken) -> SnapshotDriver:
    if settings.node.snapshots == "nodetool":
        return NodetoolSnapshotDriver(nodetool(settings, cancel), rest)
    return RestSnapshotDriver(rest)


def _looked_up(role: str, cql: "CqlClient") -> str:
    try:
        secret = cql.salted_hash(role)
    except PermissionDeniedError as error:
        hint = 'Give it as a credential with alternator.secret_from = "credential"; few roles may read every secret.'
        raise PermissionDeniedError(error.message, hint=error.hint or hint) from error
    if secret is None:
        raise PermissionDeniedError(
            f"There is no role {role!r} to look up the secret of.", hint="Look at alternator.access_key_id."
        )
    return secret
