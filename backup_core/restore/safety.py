"""What has to be there before a table is deleted: a backup of it from every node that holds part of it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from backup_core.context import Context
from backup_core.errors import NotFoundError
from backup_core.model import Table
from backup_core.ownership import as_owner_of
from backup_core.pipeline import backup_table
from backup_core.repository.listing import BackupStatus
from backup_core.repository.protocol import Repository


FRESH = timedelta(hours=1)
"""How old a backup of all nodes may be. One node takes its own at the moment."""


def existing_backup(context: Context, table: Table, repositories: Sequence[Repository]) -> str | None:
    """The backup that all nodes of a cluster have made of a table within the last hour.

    Args:
        context: where the node is.
        table: which is to be deleted.
        repositories: where the backups may be.

    Returns:
        Its tag; None where this is the only node, which takes one at the moment.

    Raises:
        NotFoundError: there are several nodes, and no such backup.
        BackupError: the node can't be asked, or a repository can't be read.
    """
    hosts = _host_ids(context)
    return _backup_of_all(context, table, hosts, repositories) if len(hosts) > 1 else None


def safety_backup(context: Context, table: Table, repositories: Sequence[Repository]) -> str:
    """Make sure that a table which is to be deleted can come back.

    Args:
        context: where the node is; its repositories get the backup.
        table: which is to be deleted.
        repositories: where other nodes' backups may be, too.

    Returns:
        The tag of the backup: a new one where this is the cluster's only node, else the newest of all nodes.

    Raises:
        NotFoundError: there are several nodes, and no fresh backup of all of them.
        BackupError: the backup failed, or a repository can't be read.
    """
    existing = existing_backup(context, table, repositories)
    if existing is not None:
        return existing
    # What root wrote into repository and state as itself, the daemon could neither prune nor clear.
    on_disk = (repository.directory for repository in context.repositories if repository.directory is not None)
    with as_owner_of(next(on_disk, context.locks.directory)):
        return backup_table(context, table.name).tag


def _host_ids(context: Context) -> set[str]:
    """Of all nodes, dead ones too: what they hold goes with the table."""
    return {context.rest.host_id(), *context.cql.host_ids()}


def _backup_of_all(context: Context, table: Table, hosts: set[str], repositories: Sequence[Repository]) -> str:
    since = context.clock.now() - FRESH
    found: defaultdict[str, set[str]] = defaultdict(set)
    for repository in repositories:
        for listing in repository.backups(table.name):
            is_fresh = listing.status is BackupStatus.COMPLETE and listing.snapshot_at > since
            if is_fresh and listing.id == table.id:
                found[listing.tag].add(repository.manifest(listing).node.host_id)
    complete = [tag for tag, backed_up in found.items() if backed_up >= hosts]
    if not complete:
        raise NotFoundError(
            f"The cluster has {len(hosts)} nodes, and no backup of '{table.name}' on all of them under one tag is "
            "younger than an hour: nothing was deleted.",
            hint="Back it up on every node with the same --tag, into a repository that this one can read too, or say "
            "--without-safety-backup.",
        )
    return max(complete, key=int)
