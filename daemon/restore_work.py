"""What `restore` is asked for, as plans: which tables, which backups of them, under which names."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from backup_core.context import Context
from backup_core.errors import NodeRefusedError, NotFoundError
from backup_core.repository.layout import TABLE_NAME_CHARACTERS, is_table_name
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from backup_core.repository.timestamps import timestamp
from backup_core.restore.choice import choose
from backup_core.restore.claiming import is_unfinished, unfinished_table, unfinished_tag
from backup_core.restore.definition import table_definition
from backup_core.restore.model import (
    BackupSource,
    Replacement,
    RestoreOptions,
    RestorePlan,
    RestoreResult,
    TargetServer,
)
from backup_core.restore.plan import plan_restore
from backup_core.restore.replacing import replace_table
from backup_core.restore.restoring import restore_table
from backup_core.restore.safety import existing_backup
from backup_core.restore.scratch import is_scratch, scratch_name
from backup_core.restore.tables import find_table
from backup_core.restore.target import target_server
from daemon.invocation import Invocation
from daemon.restore_sources import restore_sources


NAMED_RUNS = 3
"""Of those that there are, where another one was asked for."""


class RestoreWork:
    """One call of `restore`.

    Args:
        invocation: its arguments and settings.
        context: where the node is.
    """

    def __init__(self, invocation: Invocation, context: Context) -> None:
        self._invocation = invocation
        self._arguments = invocation.arguments
        self._settings = invocation.settings
        self._output = invocation.output
        self._context = context
        self._hash_only = frozenset(invocation.arguments.hash_only)

    def tables(self) -> tuple[str, ...]:
        """The table that was named; or all that the run has backed up, and without one all that have a backup.

        Raises:
            NotFoundError: there is no such run, or no backup.
        """
        if not self._arguments.all:
            return (self._arguments.table,)
        run, at = self._arguments.run, self._arguments.at
        listings = [listing for repository in self._repositories for listing in repository.backups()]
        wanted = [
            listing for listing in listings if run in {None, listing.tag} and (at is None or listing.snapshot_at <= at)
        ]
        if not wanted:
            raise self._no_backups(listings)
        return tuple(sorted({listing.table for listing in wanted}))

    def plan(self, table: str) -> RestorePlan:
        """How a table is restored.

        Raises:
            NotFoundError: there is no such backup.
            NodeRefusedError: it can't be done, or somebody else's table has the name.
            BackupError: a backup or the node can't be read.
        """
        arguments = self._arguments
        _refuse_target(table, arguments.target or table)
        sources = choose(self._repositories, table, self._tag(table), arguments.at, arguments.expect_manifest)
        plan = self._decided(sources, arguments.target or table)
        if arguments.replace:
            self._safety_tag(plan)
        else:
            unfinished_table(self._context, plan)
        return plan

    def restore(self, plan: RestorePlan) -> RestoreResult:
        """Carry out a plan; errors as for `restore_table` and `replace_table`."""
        if not self._arguments.replace:
            return restore_table(self._context, plan, hash_only=self._hash_only)
        return replace_table(self._context, self._replacement(plan))

    def replacement(self, plan: RestorePlan) -> Replacement | None:
        """How the table that is in the way is replaced; None if there is none, or it isn't to be."""
        is_there = plan.target in self._target_server.tables
        return self._replacement(plan) if self._arguments.replace and is_there else None

    def _replacement(self, plan: RestorePlan) -> Replacement:
        rehearsal = None
        if self._arguments.rehearse:
            scratch = scratch_name(self._context.rest.host_id(), plan.sources[0].listing.tag)
            rehearsal = replace(self._decided(plan.sources, scratch), grants=())
        opened = None if self._arguments.without_safety_backup else self._repositories
        return Replacement(plan, rehearsal, opened, self._safety_tag(plan), self._hash_only)

    def _safety_tag(self, plan: RestorePlan) -> str | None:
        """Of the backup that all nodes have made of what is to be deleted; None where none is needed or one is made."""
        there = find_table(self._context, plan.target)
        if self._arguments.without_safety_backup or there is None or is_unfinished(self._context, plan, there):
            return None
        return existing_backup(self._context, there, self._repositories)

    def _decided(self, sources: tuple[BackupSource, ...], target: str) -> RestorePlan:
        options = RestoreOptions(
            target=target,
            partial=self._arguments.partial,
            late_indexes=self._arguments.late_indexes,
            hash_only=self._hash_only,
            without_grants=self._arguments.without_grants,
        )
        definition = table_definition(sources[0].description)
        return plan_restore(sources, definition, self._server(target), options)

    def _tag(self, table: str) -> str | None:
        """The tag that was asked for, or that of an interrupted restore which this is to end."""
        if self._arguments.run is not None or self._arguments.at is not None:
            tag: str | None = self._arguments.run
            return tag
        target = self._arguments.target or table
        tag = unfinished_tag(self._context, table, target, replacing=self._arguments.replace)
        if tag is not None:
            self._output.message(f"Going on with the interrupted restore of {table}/{tag}; --run names another backup.")
        return tag

    def _no_backups(self, there: Sequence[BackupListing]) -> NotFoundError:
        run, at = self._arguments.run, self._arguments.at
        which = f" with tag {run}" if run else f" that is as old as {timestamp(at)}" if at else ""
        newest = sorted(there, key=lambda listing: listing.snapshot_at, reverse=True)
        tags = list(dict.fromkeys(listing.tag for listing in newest))[:NAMED_RUNS]
        hint = f"Newest runs: {', '.join(tags)}." if tags else ""
        return NotFoundError(f"There is no backup of any table{which}.", hint=hint)

    def _server(self, target: str) -> TargetServer:
        """The server without the table that is to be replaced, or that an interrupted restore has made."""
        server = self._target_server
        if self._arguments.replace or self._context.restores.find(target) is not None:
            return replace(server, tables=server.tables - {target})
        return server

    @cached_property
    def _target_server(self) -> TargetServer:
        return target_server(self._context)

    @cached_property
    def _repositories(self) -> tuple[Repository, ...]:
        """Where backups are looked for; errors as for `restore_sources`."""
        return restore_sources(self._invocation, self._arguments.repositories)


def _refuse_target(table: str, target: str) -> None:
    if target != table and not is_table_name(target):
        raise NodeRefusedError(
            f"{table} can't be restored as {target!r}: the name of a table has {TABLE_NAME_CHARACTERS}."
        )
    if is_scratch(target):
        raise NodeRefusedError(
            f"{target!r} is a name of scratch tables, which are dropped again.",
            hint="Choose a name that doesn't begin like that.",
        )
