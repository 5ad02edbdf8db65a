"""What `restore` is asked for, as plans: which tables, which backups of them, under which names."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

from backup_core.clock import SystemClock
from backup_core.compression import ArchiveFormat
from backup_core.context import Context
from backup_core.errors import NodeRefusedError, NotFoundError
from backup_core.events import SilentReporter
from backup_core.repository.listing import BackupStatus
from backup_core.repository.local import LocalRepository
from backup_core.restore.choice import choose
from backup_core.restore.claiming import unfinished_table, unfinished_tag
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
from backup_core.restore.scratch import is_scratch, scratch_name
from backup_core.restore.target import target_server
from daemon.invocation import Invocation
from daemon.repositories import repositories


class RestoreWork:
    """One call of `restore`.

    Args:
        invocation: its arguments and settings.
        context: where the node is.
    """

    def __init__(self, invocation: Invocation, context: Context) -> None:
        self._arguments = invocation.arguments
        self._settings = invocation.settings
        self._output = invocation.output
        self._context = context
        self._hash_only = frozenset(invocation.arguments.hash_only)

    def tables(self) -> tuple[str, ...]:
        """The table that was named, or all that the run has backed up.

        Raises:
            NotFoundError: there is no such run.
        """
        if not self._arguments.all:
            return (self._arguments.table,)
        tags = self._tables_by_tag()
        tag = self._arguments.run or max(tags, key=int, default=None)
        if tag not in tags:
            raise NotFoundError(
                f"There is no complete backup of any table with tag {tag}."
                if tag
                else "There is no complete backup of any table.",
                hint=f"Newest runs: {', '.join(sorted(tags, key=int, reverse=True)[:3])}." if tags else "",
            )
        self._arguments.run = tag
        return tuple(sorted(tags[tag]))

    def plan(self, table: str) -> RestorePlan:
        """How a table is restored.

        Raises:
            NotFoundError: there is no such backup.
            NodeRefusedError: it can't be done, or somebody else's table has the name.
            BackupError: a backup or the node can't be read.
        """
        arguments = self._arguments
        if is_scratch(arguments.target or table):
            raise NodeRefusedError(
                f"{arguments.target or table!r} is a name of scratch tables, which are dropped again.",
                hint="Choose a name that doesn't begin like that.",
            )
        sources = choose(self._repositories, table, self._tag(table), arguments.at, arguments.expect_manifest)
        plan = self._decided(sources, arguments.target or table)
        if not self._arguments.replace:
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
        return Replacement(plan, rehearsal, opened, self._hash_only)

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
        tag = unfinished_tag(self._context, table, self._arguments.target or table)
        if tag is not None:
            self._output.message(f"Going on with the interrupted restore of {table}/{tag}; --run names another backup.")
        return tag

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
    def _repositories(self) -> tuple[LocalRepository, ...]:
        """Where backups are looked for, every host's that is found there.

        Raises:
            NotFoundError: there is no such repository.
            ForeignRepositoryError: it is of a newer format.
        """
        configured = repositories(self._settings, SilentReporter())
        wanted = self._arguments.repositories
        if wanted is None:
            return _opened(configured)
        return tuple(each for name in wanted for each in _opened(_named(configured, name)))

    def _tables_by_tag(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for repository in self._repositories:
            for listing in repository.backups():
                is_in_time = self._arguments.at is None or listing.snapshot_at <= self._arguments.at
                if listing.status is BackupStatus.COMPLETE and is_in_time:
                    found.setdefault(listing.tag, set()).add(listing.table)
        return found


def _opened(chosen: tuple[LocalRepository, ...]) -> tuple[LocalRepository, ...]:
    """Those that are there; one that isn't mounted is no reason not to restore from another."""
    opened, missing = [], None
    for repository in chosen:
        try:
            repository.open_read_only()
            opened.append(repository)
        except NotFoundError as error:
            missing = error
    if missing is not None and not opened:
        raise missing
    return tuple(opened)


def _named(configured: tuple[LocalRepository, ...], name: str) -> tuple[LocalRepository, ...]:
    """The repositories of that name in the settings, or the one at that path."""
    found = tuple(repository for repository in configured if repository.name == name)
    if found:
        return found
    if not Path(name).is_dir():
        names = ", ".join(dict.fromkeys(repository.name for repository in configured))
        raise NotFoundError(
            f"There is no repository {name!r}, neither in the settings nor as a directory.", hint=f"There is: {names}."
        )
    reporter = SilentReporter()
    return (
        LocalRepository(name, Path(name), archive_format=ArchiveFormat.TAR_GZ, reporter=reporter, clock=SystemClock()),
    )
