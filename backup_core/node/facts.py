"""What the manifest tells of the node and of where the table lies; what the node doesn't tell is None."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from backup_core.errors import NodeRefusedError, NotFoundError
from backup_core.model import NodeFacts, Placement, Table
from backup_core.node.rest import RestClient


if TYPE_CHECKING:
    from backup_core.node.cql import CqlClient


T = TypeVar("T")


def node_facts(rest: RestClient, cql: "CqlClient") -> NodeFacts:
    """Ask the node who it is and whom it sees.

    Raises:
        NodeUnavailableError: CQL or the REST API doesn't answer.
        PermissionDeniedError: wrong user or password.
    """
    local = cql.local()
    addresses = (local["broadcast_address"], local["listen_address"], local["rpc_address"])
    return NodeFacts(
        host_id=rest.host_id(),
        scylla_version=or_none(rest.scylla_version),
        cluster=or_none(rest.cluster_name),
        datacenter=local["data_center"],
        rack=local["rack"],
        addresses=tuple(dict.fromkeys(str(address) for address in addresses if address)),
        peers_up=or_none(rest.peers_up),
        peers_down=or_none(rest.peers_down),
        schema_version=str(local["schema_version"]) if local["schema_version"] else None,
    )


def placement(rest: RestClient, cql: "CqlClient", table: Table) -> Placement:
    """Ask the node where a table's data lies; errors as for `node_facts`."""
    return Placement(
        replication=cql.replication(table.keyspace),
        tablets=or_none(lambda: rest.on_tablets(table.keyspace)),
        ranges=or_none(lambda: rest.token_ranges(table.keyspace, table.name)),
    )


def or_none(ask: Callable[[], T]) -> T | None:
    """What the node answers; None from a version that doesn't know the question."""
    try:
        return ask()
    except (NodeRefusedError, NotFoundError):
        return None
