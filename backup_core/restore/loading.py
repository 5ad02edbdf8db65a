"""Batches of checked SSTables into a table: placed in `upload/`, loaded and streamed by the node, found consumed.

The node loads in groups of its own and unlinks what it has loaded: where it fails midway, part of a batch is gone
(sstables_loader.cc). So files are linked from staging, and a failed batch is cleared and linked again as a whole:
to load the same cells twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backup_core.context import Context
from backup_core.errors import NodeRefusedError, NodeUnavailableError, RunCancelledError
from backup_core.events import RESTORE_BATCH_FAILED, RESTORE_BATCH_LOADED, RESTORE_LOAD_WAITING
from backup_core.model import SSTable, Table
from backup_core.node.load_answers import AlreadyLoadingError
from backup_core.node.snapshot_answers import NoAnswerError
from backup_core.restore.directories import OpenDirectory
from backup_core.restore.staged_backups import Batch, StagedBackups
from backup_core.restore.upload import Placed, Upload, opened_upload
from backup_core.snapshot import data_directories


ATTEMPTS = 3
"""At a batch."""
MOST_UNANSWERED = 5
"""Requests in a row to which the node gives no answer, before it is left alone."""
RETRY_SECONDS = 0.5
POLL_SECONDS = 0.5
"""How often a node that loads something else is asked again."""

NAMED_FILES = 3


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was loaded."""

    sstables: int
    size_bytes: int


def load_table(
    context: Context, table: Table, staged: StagedBackups, *, resuming: bool = False, keep: bool = False
) -> LoadResult:
    """Load backups into a table, to all its replicas.

    Args:
        context: where the node is.
        table: which exists on the node, with its id; the schema has settled.
        staged: the backups.
        resuming: the same restore has begun to load into this table before: what it left in `upload/` is removed.
        keep: the staged files stay, for another table that they will be loaded into.

    Returns:
        What was loaded, all of it; views are filled later.

    Raises:
        SourceError: `upload/` isn't empty, isn't there, or a link is in its place.
        NodeRefusedError: the node refuses a batch again and again; what was placed is removed.
        NotFoundError: the table is gone.
        NodeUnavailableError: the node doesn't answer; where it may still be loading, files stay in `upload/`.
        StorageFullError: too little space is left on the data disk.
        RunCancelledError: a signal; where the node is loading, it goes on, and its files stay.
        BackupError: as `StagedBackups.staged` does.
    """
    with opened_upload(data_directories(context), table) as upload:
        loader = _Loader(context, table, upload)
        if resuming:
            loader.take_over(frozenset().union(*(batch.file_names for batch in staged.batches)))
        upload.refuse_if_occupied()
        done_bytes = 0
        for number, batch in enumerate(staged.batches, start=1):
            _load_batch(context, loader, staged, batch, number, keep=keep)
            done_bytes += batch.size_bytes
            context.reporter.progress(f"load {table.name}", done_bytes, staged.size_bytes)
    return LoadResult(sum(len(batch.sstables) for batch in staged.batches), done_bytes)


def _load_batch(
    context: Context, loader: "_Loader", staged: StagedBackups, batch: Batch, number: int, *, keep: bool
) -> None:
    started = context.clock.monotonic()
    with staged.staged(batch, keep=keep) as directory:
        loader.load(directory, batch.sstables)
    context.reporter.event(
        RESTORE_BATCH_LOADED,
        table=loader.table.name,
        batch=number,
        batches=len(staged.batches),
        sstables=len(batch.sstables),
        size_bytes=batch.size_bytes,
        duration_seconds=round(context.clock.monotonic() - started, 3),
    )


class _Loader:
    """Loads into one table."""

    def __init__(self, context: Context, table: Table, upload: Upload) -> None:
        self.table = table
        self._context = context
        self._upload = upload
        self._may_be_loading = False

    def take_over(self, names: frozenset[str]) -> None:
        """Remove what an earlier try has left, once the node is done with it. Other files are left to be refused."""
        left = self._upload.directory.names()
        if left and names.issuperset(left):
            self._settle()
            self._upload.remove(names)

    def load(self, staging: OpenDirectory, sstables: Sequence[SSTable]) -> None:
        """Load one batch, in as many attempts as it may take."""
        for attempt in range(1, ATTEMPTS + 1):
            self._context.cancel.raise_if_set()
            try:
                self._attempt(self._upload.place(staging, sstables))
            except (NodeRefusedError, NodeUnavailableError) as error:
                if attempt == ATTEMPTS or self._may_be_loading:
                    raise
                self._context.reporter.warning(
                    RESTORE_BATCH_FAILED, table=self.table.name, attempt=attempt, error=str(error)
                )
                self._context.cancel.sleep(RETRY_SECONDS)
            else:
                return

    def _attempt(self, placed: Placed) -> None:
        try:
            self._request()
            left = placed.left()
            if left:
                raise NodeRefusedError(  # noqa: TRY301  (it ends this attempt like any other refusal)
                    f"The node says that it has loaded table '{self.table.name}', and left {len(left)} files in "
                    f"{self._upload.directory.path}: {', '.join(left[:NAMED_FILES])}",
                    hint="Its log says why.",
                )
        except BaseException:
            # Files under a node's hands are the node's: it goes on without us, and takes them away.
            if not self._may_be_loading:
                placed.remove()
            raise

    def _request(self) -> None:
        try:
            self._post()
        except NoAnswerError:
            self._settle()
            raise

    def _settle(self) -> None:
        """Wait until the node answers, whatever it says: then it isn't loading any more.

        Raises:
            NodeUnavailableError: it doesn't.
            RunCancelledError: a signal.
        """
        for attempt in range(1, MOST_UNANSWERED + 1):
            try:
                self._post(is_ours=True)
            except NoAnswerError:
                if attempt == MOST_UNANSWERED:
                    raise
                self._context.cancel.sleep(RETRY_SECONDS)
            except NodeRefusedError:
                return
            else:
                return

    def _post(self, *, is_ours: bool = False) -> None:
        """Ask for the load, and again as long as the node is busy; `is_ours`: maybe with files of this table."""
        is_told = False
        while True:
            self._may_be_loading = True
            try:
                self._context.rest.load_and_stream(self.table.keyspace, self.table.name)
            except AlreadyLoadingError as error:
                self._may_be_loading = is_ours
                if not is_told:
                    self._context.reporter.event(RESTORE_LOAD_WAITING, table=self.table.name, error=error.message)
                is_told = True
                self._context.cancel.sleep(POLL_SECONDS)
            except (NoAnswerError, RunCancelledError):
                raise
            except BaseException:
                self._may_be_loading = False
                raise
            else:
                self._may_be_loading = False
                return
