"""What the server versions that the sandbox can play do differently, as data."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """One version of the server: every difference that a client can see is a field here, never an `if` on a name.

    Attributes:
        name: what the user types to choose it.
        release: the full version, as `GET /storage_service/scylla_release_version` gives it.
        tablets: new Alternator tables are on tablets, unless their tag asks for vnodes.
        real_index_columns: keys of GSIs and LSIs are real columns of the base table (up to 6.2);
            computed columns of the views otherwise.
        snapshots_include_views: a snapshot of a base table takes its views along (up to 6.2).
        manifest: format of a snapshot's manifest.json.
        internal_tags_hidden: `system:` tags are neither shown nor taken, but for write isolation and tablets.
        paxos_tables: tables with conditional writes get a `<table>$paxos` beside them.
        index_updates: UpdateTable can add and drop GSIs.
        reverse_queries_of_indexes: Query of an index can go backwards; it is an internal error otherwise.
        table_name_max_length: longest table name that CreateTable takes.
        true_descriptions: DescribeTable tells the true creation time and billing, size and index status, and no sort
            key that nobody asked for; otherwise the time is now and billing always PAY_PER_REQUEST.
        remembers_dropped_indexes: for a while; indexes of a table of the same name that is created on tablets meanwhile
            are filled, and never told as active.
        tablets_tag: the tag that asks for tablets (a number) or vnodes (anything else) when a table is created.
        streams_on_tablets_issue: the issue that the refusal of streams on tablets names.
        ttl_on_tablets: UpdateTimeToLive works on tablets.
        batch_write_max_items: most items in one BatchWriteItem, None where there is no limit.
        wrong_signature: what Alternator says of a wrong secret.
        invalid_signature_prefix: what stands before the reason why a signature can't be checked.
        denials_name_client: a denied permission on a table is told with the client's address.
        snapshots_check_keyspace: a snapshot in an unknown keyspace is refused for the keyspace (400), otherwise for
            the table (500).
        task_modules: of the task manager.
        extra_system_tables: `keyspace:table`, beside those that all versions have.
        compaction_strategy: of new Alternator tables.
        compressor: of new Alternator tables, as DESCRIBE tells it.
        added_reserved_words: of CQL, beside those that all versions reserve.
        describes_internal_tables: DESCRIBE TABLE of a CDC log or a `$paxos` table answers with a comment, and of a
            view is refused; otherwise a CDC log is refused, and a view described.
        describes_roles: DESCRIBE SCHEMA WITH INTERNALS tells roles, grants and service levels too.
        versions_readable_by_indexers: VECTOR_SEARCH_INDEXING is a permission, and opens system.versions too.
        build_id: as system.versions tells it.
        tablets_always_described: CREATE KEYSPACE says of tablets that they are enabled; otherwise only how many there
            are at first, if that was asked for.
    """

    name: str
    release: str
    tablets: bool
    real_index_columns: bool
    snapshots_include_views: bool
    manifest: Literal["files", "sstables"]
    internal_tags_hidden: bool
    paxos_tables: bool
    index_updates: bool
    reverse_queries_of_indexes: bool
    table_name_max_length: int
    true_descriptions: bool
    remembers_dropped_indexes: bool
    tablets_tag: str
    streams_on_tablets_issue: str
    ttl_on_tablets: bool
    batch_write_max_items: int | None
    wrong_signature: str
    invalid_signature_prefix: str
    denials_name_client: bool
    snapshots_check_keyspace: bool
    task_modules: tuple[str, ...]
    extra_system_tables: tuple[str, ...]
    compaction_strategy: str
    compressor: str
    added_reserved_words: frozenset[str]
    describes_internal_tables: bool
    describes_roles: bool
    versions_readable_by_indexers: bool
    build_id: str
    tablets_always_described: bool


VERSION_6_2 = ServerVersion(
    name="6.2",
    release="6.2.3-0.20250119.bff9ddde1283",
    tablets=False,
    real_index_columns=True,
    snapshots_include_views=True,
    manifest="files",
    internal_tags_hidden=False,
    paxos_tables=False,
    index_updates=False,
    reverse_queries_of_indexes=False,
    table_name_max_length=222,
    true_descriptions=False,
    remembers_dropped_indexes=False,
    tablets_tag="experimental:initial_tablets",
    streams_on_tablets_issue="#16317",
    ttl_on_tablets=False,
    batch_write_max_items=None,
    wrong_signature="The security token included in the request is invalid.",
    invalid_signature_prefix="",
    denials_name_client=False,
    snapshots_check_keyspace=False,
    task_modules=("sstables_loader", "repair", "node_ops", "snapshot", "compaction"),
    extra_system_tables=(),
    compaction_strategy="SizeTieredCompactionStrategy",
    compressor="org.apache.cassandra.io.compress.LZ4Compressor",
    added_reserved_words=frozenset(),
    describes_internal_tables=False,
    describes_roles=False,
    versions_readable_by_indexers=False,
    build_id="fd566c7ecf9b96024f4a0e7bb187c8bc7fa2d3be",
    tablets_always_described=False,
)

VERSION_2026_1 = ServerVersion(
    name="2026.1",
    release="2026.1.12-0.20260821.66541360f656",
    tablets=True,
    real_index_columns=False,
    snapshots_include_views=False,
    manifest="sstables",
    internal_tags_hidden=True,
    paxos_tables=True,
    index_updates=True,
    reverse_queries_of_indexes=True,
    table_name_max_length=192,
    true_descriptions=True,
    remembers_dropped_indexes=True,
    tablets_tag="system:initial_tablets",
    streams_on_tablets_issue="#23838",
    ttl_on_tablets=True,
    batch_write_max_items=100,
    wrong_signature="wrong signature",
    invalid_signature_prefix="invalid signature: ",
    denials_name_client=True,
    snapshots_check_keyspace=True,
    task_modules=(
        "sstables_loader",
        "node_ops",
        "global_topology_requests",
        "tablets",
        "repair",
        "snapshot",
        "compaction",
    ),
    extra_system_tables=(
        "audit:audit_log",
        "system:batchlog_v2",
        "system:cdc_streams",
        "system:cdc_streams_history",
        "system:cdc_streams_state",
        "system:cdc_timestamps",
        "system:client_routes",
        "system:corrupt_data",
        "system:dicts",
        "system:load_per_node",
        "system:repair_tasks",
        "system:tablet_sizes",
        "system:view_building_tasks",
        "system_replicated_keys:encrypted_keys",
    ),
    compaction_strategy="IncrementalCompactionStrategy",
    compressor="LZ4WithDictsCompressor",
    added_reserved_words=frozenset(
        (
            "ann",
            "concurrency",
            "similarity_cosine",
            "similarity_dot_product",
            "similarity_euclidean",
            "vector_search_indexing",
        )
    ),
    describes_internal_tables=True,
    describes_roles=True,
    versions_readable_by_indexers=True,
    build_id="7d82c0564632d45b4b5b3ed6c80de0477ea050a7",
    tablets_always_described=True,
)

VERSIONS = {version.name: version for version in (VERSION_6_2, VERSION_2026_1)}
