"""Whether the nodes of the cluster have the same schema, as this one sees them."""

from backup_core.node.cql import CqlClient
from backup_core.node.rest import RestClient


def schema_agrees(cql: CqlClient, rest: RestClient) -> bool:
    """Whether all nodes that this one takes for alive have its schema version.

    Raises:
        NodeUnavailableError: CQL or the REST API doesn't answer.
        PermissionDeniedError: wrong user or password.
    """
    alive = set(rest.peers_up())
    peers = cql.rows("SELECT peer, rpc_address, preferred_ip, schema_version FROM system.peers")
    versions = {
        str(row["schema_version"])
        for row in peers
        if row["schema_version"] is not None
        and alive & {str(row[column]) for column in ("peer", "rpc_address", "preferred_ip")}
    }
    return not versions - {str(cql.local()["schema_version"])}
