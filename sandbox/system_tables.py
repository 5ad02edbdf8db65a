"""The server's own keyspaces and tables, by name: the sandbox keeps nothing in them."""

from sandbox.version import ServerVersion


# All versions have these; `ServerVersion.extra_system_tables` are the others.
SYSTEM_TABLES = {
    "system": (
        "IndexInfo",
        "batchlog",
        "built_views",
        "cdc_generations_v3",
        "cdc_local",
        "clients",
        "cluster_status",
        "commitlog_cleanups",
        "compaction_history",
        "compactions_in_progress",
        "config",
        "discovery",
        "group0_history",
        "hints",
        "large_cells",
        "large_partitions",
        "large_rows",
        "local",
        "paxos",
        "peer_events",
        "peers",
        "protocol_servers",
        "raft",
        "raft_snapshot_config",
        "raft_snapshots",
        "raft_state",
        "range_xfers",
        "repair_history",
        "role_attributes",
        "role_members",
        "role_permissions",
        "roles",
        "runtime_info",
        "scylla_local",
        "scylla_table_schema_history",
        "scylla_views_builds_in_progress",
        "service_levels_v2",
        "size_estimates",
        "snapshots",
        "sstable_activity",
        "sstables",
        "tablets",
        "token_ring",
        "topology",
        "topology_requests",
        "truncated",
        "versions",
        "view_build_status_v2",
        "views_builds_in_progress",
    ),
    "system_distributed": (
        "cdc_generation_timestamps",
        "cdc_streams_descriptions_v2",
        "service_levels",
        "view_build_status",
    ),
    "system_distributed_everywhere": ("cdc_generation_descriptions_v2",),
    "system_schema": (
        "aggregates",
        "columns",
        "computed_columns",
        "dropped_columns",
        "functions",
        "indexes",
        "keyspaces",
        "scylla_aggregates",
        "scylla_keyspaces",
        "scylla_tables",
        "tables",
        "triggers",
        "types",
        "view_virtual_columns",
        "views",
    ),
    "system_traces": (
        "events",
        "node_slow_log",
        "node_slow_log_time_idx",
        "sessions",
        "sessions_time_idx",
    ),
}

# The only keyspace that has no table.
EMPTY_KEYSPACE = "system_auth"


def system_tables(version: ServerVersion) -> list[str]:
    """The names of all of them, as `keyspace:table`."""
    common = [f"{keyspace}:{table}" for keyspace, tables in SYSTEM_TABLES.items() for table in tables]
    return [*common, *version.extra_system_tables]


def system_keyspaces(version: ServerVersion) -> list[str]:
    """The names of their keyspaces."""
    return sorted({EMPTY_KEYSPACE, *(name.partition(":")[0] for name in system_tables(version))})
