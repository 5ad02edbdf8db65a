"""The columns of those system tables that the sandbox answers from."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.columns import Column, ColumnKind
from sandbox.system_tables import system_tables
from sandbox.version import ServerVersion


@dataclass(frozen=True, slots=True)
class SystemTable:
    """A system table: its columns in the order that `SELECT *` gives them."""

    keyspace: str
    name: str
    columns: tuple[Column, ...]


def known_system_tables(version: ServerVersion) -> Iterator[SystemTable]:
    """The system tables that have columns here."""
    for keyspace, tables in _SCHEMAS.items():
        for name, kinds in tables.items():
            added = _ADDED.get(version.name, {}).get(f"{keyspace}.{name}", {})
            texts = {kind: "; ".join(filter(None, (kinds.get(kind), added.get(kind)))) for kind in _KINDS}
            yield SystemTable(keyspace, name, tuple(c for kind, text in texts.items() for c in _columns(kind, text)))


def find_system_table(keyspace: str, name: str, version: ServerVersion) -> SystemTable | None:
    """The system table of that name, if it has columns here."""
    found = (table for table in known_system_tables(version) if (table.keyspace, table.name) == (keyspace, name))
    return next(found, None)


def system_table_names(version: ServerVersion) -> Iterator[tuple[str, str]]:
    """Keyspace and name of each of the server's own tables, whether it has columns here or not."""
    for qualified in system_tables(version):
        keyspace, _, name = qualified.partition(":")
        yield keyspace, name


def _columns(kind: ColumnKind, text: str) -> list[Column]:
    pairs = [each.strip().split(" ", 1) for each in text.split(";") if each.strip()]
    if kind in ("partition_key", "clustering"):
        return [Column(name, type_, kind, position) for position, (name, type_) in enumerate(pairs)]
    return [Column(name, type_, kind) for name, type_ in sorted(pairs)]


_KINDS: tuple[ColumnKind, ...] = ("partition_key", "clustering", "static", "regular")

_OPTIONS = (
    "bloom_filter_fp_chance double; caching map<text, text>; comment text; compaction map<text, text>;"
    "compression map<text, text>; crc_check_chance double; dclocal_read_repair_chance double;"
    "default_time_to_live int; extensions map<text, blob>; gc_grace_seconds int; id uuid; max_index_interval int;"
    "memtable_flush_period_in_ms int; min_index_interval int; read_repair_chance double; speculative_retry text"
)
_ARGUMENTS = "argument_types frozen<list<text>>"
_REPLICAS = "list<tuple<uuid, int>>"


def _of_keyspace(clustering: str, regular: str) -> dict[ColumnKind, str]:
    return {"partition_key": "keyspace_name text", "clustering": clustering, "regular": regular}


_SCHEMAS: dict[str, dict[str, dict[ColumnKind, str]]] = {
    "system": {
        "local": {
            "partition_key": "key text",
            "regular": (
                "bootstrapped text; broadcast_address inet; cluster_name text; cql_version text; data_center text;"
                "gossip_generation int; host_id uuid; listen_address inet; native_protocol_version text;"
                "partitioner text; rack text; release_version text; rpc_address inet; schema_version uuid;"
                "scylla_cpu_sharding_algorithm text; scylla_msb_ignore int; scylla_nr_shards int;"
                "supported_features text; thrift_version text; tokens set<text>; truncated_at map<uuid, blob>"
            ),
        },
        "peers": {
            "partition_key": "peer inet",
            "regular": (
                "data_center text; host_id uuid; preferred_ip inet; rack text; release_version text;"
                "rpc_address inet; schema_version uuid; supported_features text; tokens set<text>"
            ),
        },
        "versions": {"partition_key": "key text", "regular": "build_id text; build_mode text; version text"},
        "roles": {
            "partition_key": "role text",
            "regular": "can_login boolean; is_superuser boolean; member_of set<text>; salted_hash text",
        },
        "role_permissions": {
            "partition_key": "role text",
            "clustering": "resource text",
            "regular": "permissions set<text>",
        },
        "topology": {
            "partition_key": "key text",
            "clustering": "host_id uuid",
            "static": (
                "committed_cdc_generations set<frozen<tuple<timestamp, timeuuid>>>; enabled_features set<text>;"
                "fence_version bigint; global_topology_request text; global_topology_request_id timeuuid;"
                "ignore_nodes set<uuid>; new_cdc_generation_data_uuid timeuuid;"
                "new_keyspace_rf_change_data map<text, text>; new_keyspace_rf_change_ks_name text; session uuid;"
                "tablet_balancing_enabled boolean; transition_state text;"
                "unpublished_cdc_generations set<frozen<tuple<timestamp, timeuuid>>>; upgrade_state text;"
                "version bigint"
            ),
            "regular": (
                "cleanup_status text; datacenter text; ignore_msb int; node_state text; num_tokens int; rack text;"
                "rebuild_option text; release_version text; replaced_id uuid; request_id timeuuid;"
                "shard_count int; supported_features set<text>; tokens set<text>; tokens_string text;"
                "topology_request text"
            ),
        },
        "tablets": {
            "partition_key": "table_id uuid",
            "clustering": "last_token bigint",
            "static": (
                "keyspace_name text; resize_seq_number bigint; resize_type text; table_name text; tablet_count int"
            ),
            "regular": (f"new_replicas {_REPLICAS}; replicas {_REPLICAS}; session uuid; stage text; transition text"),
        },
    },
    "system_schema": {
        "keyspaces": _of_keyspace("", "durable_writes boolean; replication map<text, text>"),
        "scylla_keyspaces": _of_keyspace("", "initial_tablets int; storage_options map<text, text>; storage_type text"),
        "tables": _of_keyspace("table_name text", f"{_OPTIONS}; flags set<text>"),
        "views": _of_keyspace(
            "view_name text",
            f"{_OPTIONS}; base_table_id uuid; base_table_name text; include_all_columns boolean; where_clause text",
        ),
        "columns": _of_keyspace(
            "table_name text; column_name text",
            "clustering_order text; column_name_bytes blob; kind text; position int; type text",
        ),
        "computed_columns": _of_keyspace("table_name text; column_name text", "computation blob"),
        "view_virtual_columns": _of_keyspace(
            "table_name text; column_name text",
            "clustering_order text; column_name_bytes blob; kind text; position int; type text",
        ),
        "dropped_columns": _of_keyspace("table_name text; column_name text", "dropped_time timestamp; type text"),
        "indexes": _of_keyspace("table_name text; index_name text", "kind text; options map<text, text>"),
        "triggers": _of_keyspace("table_name text; trigger_name text", "options map<text, text>"),
        "types": _of_keyspace("type_name text", "field_names list<text>; field_types list<text>"),
        "functions": _of_keyspace(
            f"function_name text; {_ARGUMENTS}",
            "argument_names list<text>; body text; called_on_null_input boolean; language text; return_type text",
        ),
        "aggregates": _of_keyspace(
            f"aggregate_name text; {_ARGUMENTS}",
            "final_func text; initcond text; return_type text; state_func text; state_type text",
        ),
    },
}

# What newer versions have besides. Columns of user-defined types, always null here, are given as blobs.
_ADDED: dict[str, dict[str, dict[ColumnKind, str]]] = {
    "2026.1": {
        "system.topology": {
            "static": "global_requests set<timeuuid>; paused_rf_change_requests set<timeuuid>",
        },
        "system.tablets": {
            "static": "base_table uuid; repair_scheduler_config blob; resize_task_info blob",
            "regular": (
                "migration_task_info blob; repair_incremental_mode text; repair_task_info blob;"
                "repair_time timestamp; sstables_repaired_at bigint"
            ),
        },
        "system_schema.keyspaces": {"regular": "replication_v2 map<text, text>"},
        "system_schema.scylla_keyspaces": {"regular": "consistency text"},
    }
}
