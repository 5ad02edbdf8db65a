"""The values that flow through a restore: BackupSource -> TableDefinition -> RestorePlan -> Proof.

Each step takes what the former gave and returns its own; none of them changes or reaches back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from backup_core.repository.listing import BackupListing
from backup_core.repository.manifest import Manifest
from backup_core.repository.protocol import Repository


class Way(StrEnum):
    """How the items come back; decided by the columns that the backup recorded."""

    LOAD = "load"
    """CreateTable with all indexes, then load and stream the SSTables."""

    COLUMNS_FIRST = "columns_first"
    """CreateTable without GSIs, ALTER TABLE ADD of each real column, load and stream, UpdateTable for each GSI."""

    COPY_ITEMS = "copy_items"
    """Load into a scratch table without indexes, and write its items to the table created with all of them."""


@dataclass(frozen=True, slots=True)
class BackupSource:
    """One node's backup of the table, in one repository.

    Attributes:
        manifest: None for what the predecessor left.
        description: the content of `alternator_schema.json`, or what its DDL tells of it (`legacy_definition`).
    """

    repository: Repository
    listing: BackupListing
    manifest: Manifest | None
    description: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A real column of the base table, as CQL names it: `text`, `blob` or `decimal`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """What a DynamoDB client can see of a table, and what else decides how it comes back. None is unknown.

    Attributes:
        name: of the table that was backed up.
        key_schema, attribute_definitions, global_indexes, local_indexes: as CreateTable takes them.
        billing: `BillingMode`, and `ProvisionedThroughput` where it was provisioned; empty if unknown.
        tags: all that were recorded, internal ones too.
        time_to_live_attribute: None where TTL was off.
        stream_view_type: None where the stream was off.
        real_columns: index keys that are real columns of the base table (servers up to 6.2).
        tablets: the keyspace was on tablets.
        grants: rows of LIST ALL PERMISSIONS by object; None where authorization was off.
        compressor: of its SSTables, as its DDL names it; None if unknown.
        encrypted: its SSTables are encrypted at rest.
        unknown: what can't be known of it, in words (the predecessor's backups).
    """

    name: str
    key_schema: tuple[Mapping[str, str], ...]
    attribute_definitions: tuple[Mapping[str, str], ...]
    global_indexes: tuple[Mapping[str, Any], ...]
    local_indexes: tuple[Mapping[str, Any], ...]
    billing: Mapping[str, Any]
    tags: Mapping[str, str]
    time_to_live_attribute: str | None
    stream_view_type: str | None
    real_columns: tuple[Column, ...]
    tablets: bool | None
    replication: Mapping[str, str] | None
    grants: Mapping[str, tuple[Mapping[str, Any], ...]] | None
    compressor: str | None = None
    encrypted: bool = False
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetServer:
    """The server that the table comes back to: what it does, as data. Made by `target.py` from what the node says.

    Attributes:
        version: full, None if unknown.
        tables: names of the tables that exist.
        real_index_columns: it makes index keys real columns (up to 6.2); None if unknown.
        updates_indexes: UpdateTable can add a GSI (2025.1 and later).
        keeps_billing: it remembers that a table was provisioned (2025.1 and later).
        reserves_system_tags: `system:` tags are refused, but for write isolation and tablets.
        tablets_tag: name of the tag that asks for tablets or vnodes.
        tablets_by_default: new Alternator tables are on tablets; None if unknown.
        vnodes_allowed: a table can be on vnodes.
        rack_valid_keyspaces: on tablets also tables without indexes need as many racks as replicas.
        streams: streams can be switched on at all; `streams_on_tablets`, `ttl_on_tablets`, `lwt_on_tablets`: whether
            streams, TTL and conditional writes work on tablets.
        sstable_formats: versions of SSTables that it can load, such as `me`.
        reads_dictionaries: it can load SSTables that were compressed with a dictionary.
        table_name_max_length: longest table name that CreateTable takes.
        write_isolation: of tables without such a tag; None if unknown.
        nodes: how many the cluster has; None if unknown.
        nodes_of_smallest_datacenter: how many that has; None if unknown.
        racks: how many each data centre has; None if unknown.
    """

    version: str | None
    tables: frozenset[str]
    real_index_columns: bool | None
    updates_indexes: bool
    keeps_billing: bool
    reserves_system_tags: bool
    tablets_tag: str
    tablets_by_default: bool | None
    vnodes_allowed: bool
    rack_valid_keyspaces: bool
    streams: bool
    streams_on_tablets: bool
    ttl_on_tablets: bool
    lwt_on_tablets: bool
    sstable_formats: frozenset[str]
    reads_dictionaries: bool
    table_name_max_length: int
    write_isolation: str | None
    nodes: int | None
    nodes_of_smallest_datacenter: int | None
    racks: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same there and here, and what the restore does about it."""

    what: str
    backup: str
    target: str
    action: str


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request that will be made.

    Attributes:
        step: of the restore.
        operation: `CreateTable`, `UpdateTimeToLive`; `POST /storage_service/sstables/...`; `CQL`.
        parameters: of the request; for CQL `statement`.
    """

    step: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What the user decides.

    Attributes:
        target: name of the table to make; the backup's own if None.
        partial: restore though the backups don't cover the whole ring.
        late_indexes: add the GSIs after the data, for speed.
        hash_only: GSIs whose reported sort key nobody asked for: it is dropped.
        without_grants: don't replay grants.
    """

    target: str | None = None
    partial: bool = False
    late_indexes: bool = False
    hash_only: frozenset[str] = frozenset()
    without_grants: bool = False


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """Everything that will be done, before anything is.

    Attributes:
        sources: the backups whose files are loaded, one for each node.
        definition: of the table that was backed up.
        target: name of the table to make.
        way: how the items come back.
        tablets: whether the table will be on tablets; None if unknown.
        create_table: parameters of CreateTable.
        columns: to add by ALTER TABLE before the data, only ever to a table without any index.
        scratch: name and CreateTable parameters of the scratch table for COPY_ITEMS.
        late_indexes: GSIs to add after the data, one UpdateTable each.
        time_to_live, stream: parameters of UpdateTimeToLive and UpdateTable; None where it was off.
        grants: GRANT statements, in order.
        coverage: part of the token ring that the sources cover, 0 to 1; None if unknown.
        nodes: that share what is loaded, at least; None if unknown.
        differences: what is not as it was, and what is done about each.
        warnings: what can't be brought back, in words.
    """

    sources: tuple[BackupSource, ...]
    definition: TableDefinition
    target: str
    way: Way
    tablets: bool | None
    create_table: Mapping[str, Any]
    columns: tuple[Column, ...]
    scratch: Mapping[str, Any] | None
    late_indexes: tuple[Mapping[str, Any], ...]
    time_to_live: Mapping[str, Any] | None
    stream: Mapping[str, Any] | None
    grants: tuple[str, ...]
    coverage: float | None
    nodes: int | None
    differences: tuple[Difference, ...]
    warnings: tuple[str, ...]

    @property
    def has_indexes_on_tablets(self) -> bool:
        """Whether the table gets indexes there, as far as is known."""
        return bool(self.tablets and (self.definition.global_indexes or self.definition.local_indexes))


@dataclass(frozen=True, slots=True)
class Replacement:
    """How a table is replaced.

    Attributes:
        plan: of the restore under the table's own name.
        rehearsal: the same under a scratch name; None to do without.
        repositories: where backups of the table are looked for; None to do without a safety backup.
        safety_tag: of a backup that all nodes have made of it; None where one is to be made.
        hash_only: GSIs whose reported sort key the user wanted gone.
    """

    plan: RestorePlan
    rehearsal: RestorePlan | None
    repositories: Sequence[Repository] | None
    safety_tag: str | None = None
    hash_only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProofLine:
    """One thing that a client can see, before and after."""

    what: str
    backup: str
    restored: str

    @property
    def holds(self) -> bool:
        """Whether it is the same."""
        return self.backup == self.restored


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What came of a restore.

    Attributes:
        restored_at: when it came to its end.
        table_id: of the table that was made, 32 hex digits.
        items: counted in the table; `index_items` in each index.
        proof: what a client can see, before and after.
        coverage: as planned.
        not_done: what was left to the user, in words (grants that the role may not give).
    """

    restored_at: datetime
    target: str
    table_id: str
    items: int
    index_items: Mapping[str, int]
    proof: tuple[ProofLine, ...]
    coverage: float | None
    not_done: tuple[str, ...]
    duration_seconds: float

    @property
    def proven(self) -> bool:
        """Whether everything that can be compared is the same."""
        return all(line.holds for line in self.proof)
