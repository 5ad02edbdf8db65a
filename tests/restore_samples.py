"""Backups and servers for tests of a restore's planning: recorded tables as descriptions, and values around them."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from backup_core.repository import manifest as manifests
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.manifest import Manifest
from backup_core.repository.summary import Verified
from backup_core.restore.model import BackupSource, TargetServer
from tests.repository_backups import TABLE_ID, TAG, repository


DATA = Path(__file__).parent / "data"
VERSIONS = ("6.2.3", "2026.1.12")
WHOLE_RING = (manifests.Range(start="0", end="0", endpoints=("127.0.0.1",)),)

OLD = TargetServer(
    version="6.2.3-0.20250119.bff9ddde1283",
    tables=frozenset(),
    real_index_columns=True,
    updates_indexes=False,
    keeps_billing=False,
    reserves_system_tags=False,
    tablets_tag="experimental:initial_tablets",
    tablets_by_default=False,
    vnodes_allowed=True,
    rack_valid_keyspaces=False,
    streams=True,
    streams_on_tablets=False,
    ttl_on_tablets=False,
    lwt_on_tablets=False,
    sstable_formats=frozenset({"mc", "md", "me"}),
    reads_dictionaries=False,
    table_name_max_length=222,
    write_isolation="always",
    nodes=1,
    nodes_of_smallest_datacenter=1,
    racks={"datacenter1": 1},
)
NEW = replace(
    OLD,
    version="2026.1.12-0.20260821.66541360f656",
    real_index_columns=False,
    updates_indexes=True,
    keeps_billing=True,
    reserves_system_tags=True,
    tablets_tag="system:initial_tablets",
    tablets_by_default=True,
    ttl_on_tablets=True,
    lwt_on_tablets=True,
    sstable_formats=frozenset({"mc", "md", "me", "ms", "mt"}),
    reads_dictionaries=True,
    table_name_max_length=192,
)
SERVERS = {"6.2.3": OLD, "2026.1.12": NEW}


@cache
def recorded(version: str, name: str) -> Any:
    """A file of the recordings."""
    return json.loads((DATA / f"scylla-{version}" / name).read_bytes())


def recorded_tables(version: str) -> list[str]:
    """Names of recorded tables with all that a description needs."""
    described = recorded(version, "alternator.json")["DescribeTable"]
    tables = recorded(version, "cql.json")
    return [name for name in described if "rows" in tables.get(f"desc_table {name}", {})]


def recorded_statements(version: str, name: str) -> list[str]:
    """The CREATE statements of a recorded table, its views and its log."""
    return [row[3] for row in recorded(version, "cql.json")[f"desc_table {name}"]["rows"]]


def description(version: str, name: str) -> dict[str, Any]:
    """What `alternator_schema.json` would have held for a recorded table."""
    alternator = recorded(version, "alternator.json")
    statements = recorded_statements(version, name)
    columns = [line.split() for line in statements[0].split("(\n", 1)[1].splitlines() if line.startswith("    ")]
    keys = {key["AttributeName"] for key in alternator["DescribeTable"][name]["KeySchema"]}
    content = {
        "format_version": 1,
        "table": alternator["DescribeTable"][name],
        "tags": alternator["ListTagsOfResource"][name],
        "time_to_live": alternator["DescribeTimeToLive"][name],
        "columns": [
            {
                "table_name": name,
                "column_name": column.strip('"'),
                "kind": "key" if column in keys else "regular",
                "type": type_.rstrip(","),
            }
            for column, type_, *_ in columns
            if column not in {"PRIMARY", "AND"}
        ],
        "views": [],
        "keyspace": {
            "replication": {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "datacenter1": "1"},
            "tablets": version != "6.2.3",
        },
        "describe": [{"create_statement": statement} for statement in statements],
        "grants": None,
    }
    return deepcopy(content)


def manifest(table: str, version: str | None = "6.2.3", **changes: Any) -> Manifest:
    """A manifest of a table with one SSTable."""
    moment = datetime.fromtimestamp(int(TAG), UTC)
    objects = [_stored(f"{table}_backup.tar.gz", "archive"), _stored("alternator_schema.json", "schema")]
    made = Manifest(
        format_version=1,
        tool=manifests.Tool(name="alternator-backup", version="1"),
        scylla_version=version and SERVERS[version].version if version in SERVERS else version,
        table=manifests.TableName(name=table, keyspace=f"alternator_{table}", id=TABLE_ID),
        tag=TAG,
        node=manifests.Node(
            host_id="6d2a9f0c-3c3c-4f0e-8f57-0f3c1e6a9b11",
            cluster="Test Cluster",
            datacenter="datacenter1",
            rack="rack1",
            addresses=("127.0.0.1",),
            peers_up=None,
            peers_down=None,
            schema_version=None,
        ),
        ring=manifests.Ring(replication=None, tablets=None, ranges=WHOLE_RING),
        times=manifests.Times(
            nominal_at=moment,
            snapshot_started_at=moment,
            snapshot_finished_at=moment,
            run_started_at=moment,
            run_finished_at=moment,
        ),
        objects=tuple(objects),
        files=sstable("me"),
        verified=manifests.Verification(structure=moment, digest=moment, stored=None, restored=None),
    )
    return made.model_copy(update=changes)


def sstable(version: str) -> tuple[manifests.ArchivedFile, ...]:
    """Files of an SSTable of a format."""
    names = (f"{version}-3g8w_00qf_4pbog2i7h2c7am0uoe-big-{component}" for component in ("Data.db", "TOC.txt"))
    return tuple(manifests.ArchivedFile(name=name, size_bytes=7, sha256="0" * 64) for name in names)


def source(
    content: Mapping[str, Any],
    *,
    of: str | None = "6.2.3",
    ranges: tuple[manifests.Range, ...] | None = WHOLE_RING,
    **changes: Any,
) -> BackupSource:
    """A backup with a description; `of` is the version that made it, `changes` are those of its manifest."""
    table = content["table"]["TableName"]
    ring = manifests.Ring(replication=None, tablets=None, ranges=ranges)
    return BackupSource(
        repository=repository(Path("backups")),
        listing=BackupListing(
            table=table,
            id=TABLE_ID,
            tag=TAG,
            snapshot_at=datetime.fromtimestamp(int(TAG), UTC),
            nominal_at=None,
            size_bytes=100,
            plain_size_bytes=200,
            status=BackupStatus.COMPLETE,
            problem="",
            verified=Verified(),
            location=f"backups/{table}/{TAG}",
            manifest_sha256="0" * 64,
        ),
        manifest=manifest(table, of, ring=ring, **changes),
        description=content,
    )


def _stored(name: str, role: Any) -> manifests.StoredObject:
    return manifests.StoredObject(
        name=name,
        role=role,
        plain_size_bytes=1,
        plain_sha256="0" * 64,
        stored_size_bytes=1,
        stored_sha256="0" * 64,
        compression="none",
    )
