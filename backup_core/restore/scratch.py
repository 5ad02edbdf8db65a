"""Scratch tables: restored into, and gone afterwards with the snapshot that the node makes of what is dropped.

Their names say what they are, so that whatever a crash leaves is known to be ours: `abdrill_<host>_<tag>`.
"""

import hashlib
from pathlib import Path

from backup_core.context import Context
from backup_core.drops import await_drops
from backup_core.model import SCRATCH_PREFIX, keyspace_of
from backup_core.repository.layout import is_table_name
from backup_core.restore.tables import DROPPED, delete_table, find_table
from backup_core.snapshot import data_directories
from backup_core.source_errors import source_errors


HOST_DIGITS = 8
"""Of the host id: together with an index's name, a table's has no room for all of it (222 characters)."""


def scratch_name(host_id: str, tag: str) -> str:
    """Name of the scratch table of a node for a backup."""
    return f"{SCRATCH_PREFIX}{host_id[:HOST_DIGITS]}_{tag.removeprefix('legacy-')}"


def copy_scratch_name(target: str, tag: str) -> str:
    """Name of the scratch table that a backup's items are copied through on their way into a table.

    No host has such an id: what a node clears up after its own crashed drills is never this one.
    """
    digest = hashlib.sha256(target.encode()).hexdigest()[:16]
    return f"{SCRATCH_PREFIX}copy-{digest}_{tag.removeprefix('legacy-')}"


def index_scratch_name(target: str) -> str:
    """Name of the scratch table whose index shows that those of a dropped table are forgotten."""
    return f"{SCRATCH_PREFIX}index-{hashlib.sha256(target.encode()).hexdigest()[:16]}"


def is_scratch(name: str) -> bool:
    """Whether a table of that name can only be a scratch table."""
    return name.startswith(SCRATCH_PREFIX) and is_table_name(name)


def drop_scratch(context: Context, name: str) -> None:
    """Delete a scratch table, if there is one, with its record and what the node keeps of it here.

    Raises:
        ValueError: it is none.
        BackupError: the node can't be asked, or says no.
    """
    if not is_scratch(name):
        raise ValueError(f"{name!r} is no scratch table")
    table = find_table(context, name)
    if table is not None:
        delete_table(context, table)
    clear_dropped(context, name)
    context.restores.remove(name)


def clear_dropped(context: Context, name: str) -> None:
    """Clear the snapshots of this node that dropping a scratch table has left; other tables' stay.

    Raises:
        ValueError: it is no scratch table.
        BackupError: the node can't be asked, or says no.
    """
    if not is_scratch(name):
        raise ValueError(f"{name!r} is no scratch table")
    keyspace = keyspace_of(name)
    directories = data_directories(context)
    for tag in sorted({path.name for data in directories for path in _dropped(data / keyspace)}):
        await_drops(context, keyspace, directories)
        context.rest.clear_snapshot(tag, keyspace)


def _dropped(keyspace: Path) -> list[Path]:
    with source_errors(keyspace):
        return list(keyspace.glob(f"*/snapshots/{DROPPED}*"))
