"""The rows of the system tables, made from the node's state at the moment that they are read."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from sandbox.catalog import Catalog, Role
from sandbox.cql import schema_rows
from sandbox.cql.features import supported_features
from sandbox.tokens import ring_tokens


Row = dict[str, Any]

PARTITIONER = "org.apache.cassandra.dht.Murmur3Partitioner"
CQL_VERSION = "3.3.1"

# What ScyllaDB says to clients that ask which Cassandra it is.
_CASSANDRA_RELEASE = "3.0.8"
_STARTED_AT = datetime.now(UTC)


def rows(catalog: Catalog, keyspace: str, name: str) -> Iterator[Row]:
    """The rows of a system table in its order; columns that a row lacks are null."""
    return _ROWS.get((keyspace, name), _none)(catalog)


def default_role() -> Role:
    """The role that every node has, also one that asks nobody for credentials: without a password there."""
    return Role("cassandra", password="", salted_hash="", superuser=True)


def _none(_catalog: Catalog) -> Iterator[Row]:
    return iter(())


def _local(catalog: Catalog) -> Iterator[Row]:
    yield {
        "key": "local",
        "bootstrapped": "COMPLETED",
        "broadcast_address": catalog.address,
        # Really empty: REST knows the name.
        "cluster_name": "",
        "cql_version": CQL_VERSION,
        "data_center": catalog.datacenter,
        "gossip_generation": int(_STARTED_AT.timestamp()),
        "host_id": catalog.host_id,
        "listen_address": catalog.address,
        "native_protocol_version": "4",
        "partitioner": PARTITIONER,
        "rack": catalog.rack,
        "release_version": _CASSANDRA_RELEASE,
        "rpc_address": catalog.address,
        "schema_version": catalog.schema_version,
        "scylla_cpu_sharding_algorithm": "biased-token-round-robin",
        "scylla_msb_ignore": 12,
        "scylla_nr_shards": 1,
        "supported_features": supported_features(catalog.version),
        "tokens": [str(token) for token in ring_tokens(catalog.host_id)],
    }


def _peers(catalog: Catalog) -> Iterator[Row]:
    for peer in catalog.peers():
        yield {
            "peer": peer.address,
            "data_center": catalog.datacenter,
            "host_id": peer.host_id,
            "rack": peer.rack,
            "release_version": _CASSANDRA_RELEASE,
            "rpc_address": peer.address,
            "schema_version": catalog.schema_version,
            "supported_features": supported_features(catalog.version),
            "tokens": [str(token) for token in ring_tokens(peer.host_id)],
        }


def _versions(catalog: Catalog) -> Iterator[Row]:
    version = catalog.version
    yield {"key": "local", "build_id": version.build_id, "build_mode": "dev", "version": version.release}


def _topology(catalog: Catalog) -> Iterator[Row]:
    features = supported_features(catalog.version).split(",")
    tokens = [str(token) for token in ring_tokens(catalog.host_id)]
    yield {
        "key": "topology",
        "host_id": catalog.host_id,
        "datacenter": catalog.datacenter,
        "rack": catalog.rack,
        "enabled_features": features,
        "fence_version": 1,
        "ignore_msb": 12,
        "node_state": "normal",
        "num_tokens": len(tokens),
        "release_version": _CASSANDRA_RELEASE,
        "shard_count": 1,
        "supported_features": features,
        "tablet_balancing_enabled": True,
        "tokens": tokens,
        "upgrade_state": "done",
        "version": 1,
    }


def _roles(catalog: Catalog) -> Iterator[Row]:
    for role in catalog.roles.values() or [default_role()]:
        yield {
            "role": role.name,
            "can_login": role.can_login,
            "is_superuser": role.superuser,
            "salted_hash": role.salted_hash or None,
        }


def _role_permissions(catalog: Catalog) -> Iterator[Row]:
    permissions: dict[tuple[str, str], list[str]] = {}
    for grant in catalog.grants:
        resource = "/".join(filter(None, ("data", grant.keyspace, grant.name)))
        permissions.setdefault((grant.role, resource), []).append(grant.permission)
    for role in catalog.roles.values():
        if role.creator:
            permissions[(role.creator, f"roles/{role.name}")] = ["ALTER", "AUTHORIZE", "DROP"]
    for (role_name, resource), names in sorted(permissions.items()):
        yield {"role": role_name, "resource": resource, "permissions": names}


_ROWS: dict[tuple[str, str], Callable[[Catalog], Iterator[Row]]] = {
    ("system", "local"): _local,
    ("system", "peers"): _peers,
    ("system", "versions"): _versions,
    ("system", "topology"): _topology,
    ("system", "roles"): _roles,
    ("system", "role_permissions"): _role_permissions,
    ("system", "tablets"): schema_rows.tablets,
    ("system_schema", "keyspaces"): schema_rows.keyspaces,
    ("system_schema", "scylla_keyspaces"): schema_rows.scylla_keyspaces,
    ("system_schema", "tables"): schema_rows.tables,
    ("system_schema", "views"): schema_rows.views,
    ("system_schema", "columns"): schema_rows.columns,
    ("system_schema", "computed_columns"): schema_rows.computed_columns,
}
