"""What the daemon does with backups that are there already: verify them, prune them, clear up after a crash."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.errors import BackupError, IntegrityError, NotFoundError, RunCancelledError
from backup_core.events import (
    BACKUP_DAMAGED,
    BACKUP_VERIFIED,
    JOURNAL_ENTRY_BROKEN,
    PRUNE_FAILED,
    VERIFY_FAILED,
    Reporter,
)
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from backup_core.repository.pruning import prune
from backup_core.repository.sampling import depths
from backup_core.repository.verification import Depth, VerifyPass
from backup_core.snapshot import clear_orphans
from backup_core.step import step
from daemon.loaded import Loaded
from daemon.repositories import opened, repositories
from daemon.retention_policies import retention_policies
from daemon.wiring import node_context, rest_client, restore_records, snapshot_journal, table_locks, throttle


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Work on the repositories of the settings; the node is asked only where a path or a snapshot needs it."""

    loaded: Loaded
    reporter: Reporter
    clock: Clock
    cancel: CancelToken

    @contextmanager
    def repositories(self) -> Iterator[tuple[Repository, ...]]:
        """All of them, looked at but not yet opened.

        Raises:
            NodeUnavailableError: a path has the host id in it, and the node doesn't tell it.
        """
        with ExitStack() as stack:
            rest = rest_client(self.loaded.settings, self.cancel)
            stack.callback(rest.close)
            stored_in = repositories(self.loaded.settings, self.reporter, host_id=rest.host_id, cancel=self.cancel)
            for repository in stored_in:
                stack.callback(repository.close)
            yield stored_in

    def tables(self, stored_in: Sequence[Repository]) -> tuple[str, ...]:
        """Names of all tables that have backups there.

        Raises:
            NotFoundError: a repository isn't there.
            BackupError: as the operating system refuses.
        """
        names: set[str] = set()
        for repository in opened(stored_in):
            names.update(repository.tables())
        return tuple(sorted(names))

    def verify(
        self, stored_in: Sequence[Repository], table: str, depth: Depth, within: VerifyPass
    ) -> BackupError | None:
        """Verify every backup of a table.

        Args:
            stored_in: in which repositories.
            table: its name.
            depth: how much of it is read.
            within: the pass that this is part of.

        Returns:
            The first of the errors, all of which have been reported.
        """
        errors = []
        for repository in stored_in:
            for listing, deep in depths(repository.backups(table), depth):
                with step(self, "verify_stored", table=table, repository=repository.name):
                    error = self._verify(repository, listing, deep, within)
                errors += [error] if error else []
        return errors[0] if errors else None

    def prune(
        self, stored_in: Sequence[Repository], tables: Sequence[str], *, sweeps_all: bool
    ) -> dict[str, BackupError]:
        """Remove what the retention doesn't want of these tables; what went wrong by table, which has been reported.

        Args:
            stored_in: from which repositories.
            tables: names.
            sweeps_all: look in all of the tables for what no backup needs; else only where one went.
        """
        errors: dict[str, BackupError] = {}
        locks = table_locks(self.loaded.settings, self.cancel)
        for repository in stored_in:
            policies = retention_policies(self.loaded.settings.repository[repository.name])
            for table in tables:
                try:
                    with step(self, "prune", table=table, repository=repository.name):
                        result = prune(
                            repository,
                            policies,
                            self.clock.now(),
                            locks,
                            reporter=self.reporter,
                            cancel=self.cancel,
                            tables=(table,),
                            sweeps_all=sweeps_all,
                        )
                    if result.failed:
                        errors[table] = result.failed[0]
                except RunCancelledError:
                    raise
                except BackupError as error:
                    self.reporter.failure(PRUNE_FAILED, error, repository=repository.name, table=table)
                    errors[table] = error
        return errors

    def clear_up(self) -> None:
        """Remove what a crash has left: temporary directories, links that lead nowhere, snapshots, scratch tables.

        The snapshots go whatever becomes of the rest: they fill the node's disk.

        Raises:
            BackupError: something can't be done now; it may go later.
        """
        try:
            with self.repositories() as stored_in:
                for repository in stored_in:
                    with suppress(NotFoundError):  # it is made by the first backup
                        repository.open_read_only()
                        repository.clear_up()
                        repository.mend()
        finally:
            self.clear_snapshots()
        self._clear_scratch()

    def _clear_scratch(self) -> None:
        """Likewise: what other nodes' drills leave here is cleared beside the next backup."""
        if not any(restore_records(self.loaded.settings).all()):
            return
        from backup_core.restore.scratch_clearing import clear_scratch  # noqa: PLC0415  (see wiring)

        with node_context(self.loaded.settings, self.reporter, self.cancel) as context:
            clear_scratch(context)

    def clear_snapshots(self) -> None:
        """Clear snapshots that no living run holds. The node isn't asked for anything where nothing is left.

        Raises:
            BackupError: the node is down, or says no; it may go later.
        """
        journal = snapshot_journal(self.loaded.settings)
        broken: list[BackupError] = []
        if all(alive for _, alive in journal.entries(broken.append)):
            for error in broken:
                self.reporter.warning(JOURNAL_ENTRY_BROKEN, error=str(error))
            return
        with node_context(self.loaded.settings, self.reporter, self.cancel) as context:
            context.rest.host_id()  # fails with one clear line where it is down, not with one for each snapshot
            clear_orphans(context)
        left = [entry for entry, alive in journal.entries(broken.append) if not alive]
        if left:
            raise BackupError(f"{len(left)} snapshots could not be cleared.", snapshots=[entry.tag for entry in left])

    def _verify(
        self, repository: Repository, listing: BackupListing, depth: Depth, within: VerifyPass
    ) -> BackupError | None:
        fields = {"repository": repository.name, "table": listing.table, "tag": listing.tag}
        try:
            verified = repository.verify(
                listing, depth=depth, on_progress=self._pace(listing), cancel=self.cancel, within=within
            )
        except RunCancelledError:
            raise
        except NotFoundError:
            return None
        except BackupError as error:
            self.reporter.failure(
                BACKUP_DAMAGED if isinstance(error, IntegrityError) else VERIFY_FAILED, error, **fields
            )
            return error
        self.reporter.event(
            BACKUP_VERIFIED,
            **fields,
            objects=verified.objects,
            size_bytes=verified.size_bytes,
            read_bytes=verified.read_bytes,
            unnoted=verified.unnoted,
        )
        return None

    def _pace(self, listing: BackupListing) -> Callable[[int], None]:
        """What the progress goes through: disk and network that are read from may well be the node's."""
        limit = throttle(self.loaded.settings, self.cancel)
        passed_bytes = 0

        def on_progress(done_bytes: int) -> None:
            nonlocal passed_bytes
            self.reporter.progress(listing.table, done_bytes, listing.size_bytes)
            limit.passed(done_bytes - passed_bytes)
            passed_bytes = done_bytes

        return on_progress
