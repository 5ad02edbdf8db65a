"""A snapshot's manifest.json, in either of the server's formats."""

import json
import time
from collections.abc import Sequence

from sandbox.catalog import Catalog
from sandbox.column_families import ColumnFamily
from sandbox.sstables import SSTable
from sandbox.tokens import TABLET_COUNT


def manifest(catalog: Catalog, family: ColumnFamily, tag: str, sstables: Sequence[SSTable]) -> str:
    """Text of the manifest of a snapshot of a column family, in the format of the node's version."""
    if catalog.version.manifest == "files":
        return _files_manifest(sstables)
    return _sstables_manifest(catalog, family, tag, sstables)


def _files_manifest(sstables: Sequence[SSTable]) -> str:
    """The format up to 2025.4: the data files' names only."""
    names = ", ".join(f'"{sstable.prefix}Data.db"' for sstable in sstables)
    return f'{{\n\t"files" : [ {names} ]\n}}\n'


def _sstables_manifest(catalog: Catalog, family: ColumnFamily, tag: str, sstables: Sequence[SSTable]) -> str:
    """The format from 2026.1 on: on one line, without a line end, and without `sstables` if there are none."""
    content = {
        "manifest": {"version": "1.0", "scope": "node"},
        "node": {"host_id": str(catalog.host_id), "datacenter": catalog.datacenter, "rack": catalog.rack},
        "snapshot": {"name": tag, "created_at": int(time.time())},
        "table": {
            "keyspace_name": family.keyspace,
            "table_name": family.name,
            "table_id": str(family.id),
            "tablets_type": "powof2" if family.table.tablets else "none",
            "tablet_count": TABLET_COUNT if family.table.tablets else 0,
        },
        "sstables": [
            {
                "id": str(sstable.id),
                "toc_name": f"{sstable.prefix}TOC.txt",
                "data_size": sstable.data_size_bytes,
                "index_size": sstable.index_size_bytes,
                "first_token": sstable.first_token,
                "last_token": sstable.last_token,
            }
            for sstable in sstables
        ],
    }
    if not sstables:
        del content["sstables"]
    return json.dumps(content, separators=(",", ":"))
