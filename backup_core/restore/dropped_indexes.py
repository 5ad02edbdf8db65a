"""Waits until a server on tablets has forgotten the indexes of a dropped table, before its name is used again.

ScyllaDB (2025.4 and later) clears up after dropped views in the background, one after the other, and by their names
(`dispatch_drop_view`, db/view/view.cc). With them goes what it has noted of a new table's views of these names: they
are told as CREATING for good, and where nothing is noted of any of them, what is loaded never gets into the indexes.
How long that takes, nothing tells: a moment, or many seconds after many drops. But views on vnodes are built in that
same queue. So there is a scratch table on vnodes: once every node has built its index, those that were dropped before
it are forgotten.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from backup_core.context import Context
from backup_core.errors import NodeRefusedError
from backup_core.model import Table, keyspace_of
from backup_core.repository.create_table import INITIAL_TABLETS_TAG, assemble_request
from backup_core.restore.claiming import new_record
from backup_core.restore.model import RestorePlan
from backup_core.restore.placement import VNODES
from backup_core.restore.scratch import drop_scratch, index_scratch_name
from backup_core.restore.scratch_clearing import scratch_table
from backup_core.restore.tables import DROPPED, create_table
from backup_core.snapshot import data_directories
from backup_core.source_errors import source_errors


POLL_SECONDS = 0.1
LONG_AGO_SECONDS = 3600.0
"""After a drop, its indexes are forgotten without asking."""
UNTOLD_SECONDS = 10.0
"""How long to wait after a drop where the server takes no table on vnodes, and so nothing tells."""

_KEY, _INDEX = "key", "index"


def await_forgotten_indexes(context: Context, plan: RestorePlan) -> None:
    """Wait before a table with indexes is created on tablets, if one of its name was dropped not long ago.

    It is given up after `context.index_memory_seconds`: then the end of the restore shows whether it was too early.

    Raises:
        BackupError: the data directories can't be read, or the role may not create a scratch table.
        RunCancelledError: a signal.
    """
    if not plan.has_indexes_on_tablets:
        return
    directories = [data / keyspace_of(plan.target) for data in data_directories(context)]
    seconds_ago = context.clock.now().timestamp() - max(map(_last_drop, directories), default=0.0)
    if not 0 <= seconds_ago < LONG_AGO_SECONDS or not context.index_memory_seconds:
        return
    name = index_scratch_name(plan.target)
    try:
        with scratch_table(context, name):
            drop_scratch(context, name)  # one that a crash has left was built before
            request = _on_vnodes(name)
            context.restores.write(new_record(context, replace(plan, target=name, create_table=request), None))
            _await_built(context, create_table(context, request))
    except NodeRefusedError:
        context.cancel.sleep(max(0.0, min(UNTOLD_SECONDS, context.index_memory_seconds) - seconds_ago))


def _on_vnodes(name: str) -> Mapping[str, Any]:
    keys = [{"AttributeName": _KEY, "KeyType": "HASH"}]
    index_keys = [{"AttributeName": _INDEX, "KeyType": "HASH"}]
    return assemble_request(
        name,
        key_schema=keys,
        attribute_definitions=[{"AttributeName": each, "AttributeType": "S"} for each in (_KEY, _INDEX)],
        billing={},
        global_indexes=[
            {"IndexName": _INDEX, "KeySchema": index_keys, "Projection": {"ProjectionType": "ALL"}},
        ],
        tags={INITIAL_TABLETS_TAG: VNODES},
    )


def _await_built(context: Context, table: Table) -> None:
    deadline = context.clock.monotonic() + context.index_memory_seconds
    while set(context.rest.view_build_states(table.keyspace, f"{table.name}:{_INDEX}")) != {"SUCCESS"}:
        if context.clock.monotonic() > deadline:
            return
        context.cancel.sleep(POLL_SECONDS)


def _last_drop(keyspace: Path) -> float:
    """When a table was dropped there, as Unix time, or later; 0 if none ever was.

    The drop's snapshot tells it. Where there is none, or it was cleared, the table's directory went out of the
    keyspace's, then or since.
    """
    with source_errors(keyspace):
        try:
            found = [keyspace.stat().st_mtime]
        except FileNotFoundError:
            return 0.0
        tags = (path.name.removeprefix(DROPPED) for path in keyspace.glob(f"*/snapshots/{DROPPED}*"))
        return max(found + [int(tag) / 1000 for tag in tags if tag.isdecimal()])
