"""What a run is for: one attempt at backing its tables up, drilling one of them, verifying or pruning."""

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bind_contextvars

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.context import Context
from backup_core.errors import BackupError, IncompleteError, RunCancelledError
from backup_core.events import DRILL_FAILED, RUN_FINISHED, RUN_STARTED, TABLE_FAILED, TABLE_SKIPPED
from backup_core.pipeline import backup_tables
from backup_core.repository.verification import DEEP, Depth, VerifyPass
from backup_core.restore.drill_results import drill_error
from backup_core.table_id import get_all_tables
from daemon.attempt_reporter import AttemptReporter
from daemon.attempts import is_passing
from daemon.coalescing import DueRun, DueTable, due_tables
from daemon.drills import Drills
from daemon.loaded import Loaded
from daemon.observers import RunObserver
from daemon.schedules import tables_backed_up
from daemon.upkeep import Upkeep
from daemon.wiring import node_context


class RunWork:
    """The work of one attempt.

    Args:
        heard: hears what comes of each table; its attempt says what is to be done.
        loaded: the settings in force.
        observer: hears which tables the schedules back up.
        clock: dates it.
        cancel: ends it.
    """

    def __init__(
        self, heard: AttemptReporter, loaded: Loaded, observer: RunObserver, clock: Clock, cancel: CancelToken
    ) -> None:
        self._heard = heard
        self._loaded = loaded
        self._observer = observer
        self._clock = clock
        self._cancel = cancel
        self._upkeep = Upkeep(loaded, heard, clock, cancel)

    def carry_out(self) -> None:
        """Do it; what comes of each table is told.

        Raises:
            BackupError: what ends the attempt as a whole.
            RunCancelledError: a signal.
        """
        if self._heard.attempt.run.what == "backup":
            with node_context(self._loaded.settings, self._heard, self._cancel) as context:
                self._back_up(context)
        elif self._heard.attempt.run.what == "drill":
            with node_context(self._loaded.settings, self._heard, self._cancel) as context:
                self._drill(Drills(self._loaded.settings, context))
        else:
            self._keep_up()

    def _back_up(self, context: Context) -> None:
        host_id = context.rest.host_id()
        bind_contextvars(node=host_id)
        run = self._heard.attempt.run
        chosen = self._heard.attempt.tables
        if chosen is None:
            names = get_all_tables(context)
            self._observer.tables_covered(tables_backed_up(self._loaded.schedules, names))
            chosen = due_tables(run, names, host_id=host_id, reporter=self._heard)
            delays_seconds = {table.name: table.delay.total_seconds() for table in chosen}
        else:
            delays_seconds = {}
        self._heard.begin(chosen)
        missing = [table.name for table in chosen if not _is_stored(table.name, run.tag, context, self._heard)]
        if missing:
            backup_tables(context, missing, run.tag, delays_seconds=delays_seconds)
        from backup_core.restore.scratch_clearing import try_to_clear_scratch  # noqa: PLC0415  (see wiring)

        try_to_clear_scratch(context)
        # A run with nothing new lists no bucket: what nobody needs comes of backups that go.
        self._upkeep.prune(context.repositories, self._heard.succeeded, sweeps_all=False)

    def _drill(self, drills: Drills) -> None:
        """One table of all that are due: the one whose turn it is."""
        chosen = self._heard.attempt.tables
        if chosen is None:
            due = due_tables(self._heard.attempt.run, drills.tables(), host_id="", reporter=self._heard)
            turn = drills.choose([table.name for table in due]).table
            chosen = tuple(table for table in due if table.name == turn)
        self._heard.begin(chosen)
        with self._told(len(chosen)):
            for table in chosen:
                error = _drilled(drills, table)
                if error is None:
                    self._heard.done(table.name)
                else:
                    self._heard.failure(DRILL_FAILED, error, table=table.name)
                    self._heard.give_up((table.name,), error)

    def _keep_up(self) -> None:
        upkeep, run, within = self._upkeep, self._heard.attempt.run, VerifyPass()
        with upkeep.repositories() as stored_in:
            chosen = due_tables(run, upkeep.tables(stored_in), host_id="", reporter=self._heard)
            self._heard.begin(chosen)
            with self._told(len(chosen)):
                for table in chosen:
                    if run.what == "prune":
                        error = upkeep.prune(stored_in, (table.name,), sweeps_all=True).get(table.name)
                    else:
                        error = upkeep.verify(stored_in, table.name, _depth(run, table), within)
                    if error is None:
                        self._heard.done(table.name)
                    else:
                        self._heard.give_up((table.name,), error)

    @contextmanager
    def _told(self, tables: int) -> Iterator[None]:
        """Tell the beginning, and the end if it comes to that, of what isn't a backup."""
        tag, started = self._heard.attempt.run.tag, self._clock.monotonic()
        self._heard.event(RUN_STARTED, tag=tag, tables=tables)
        yield
        counts = {"succeeded": len(self._heard.succeeded), "failed": len(self._heard.failed)}
        duration_seconds = round(self._clock.monotonic() - started, 3)
        self._heard.event(RUN_FINISHED, tag=tag, **counts, duration_seconds=duration_seconds)


def _depth(run: DueRun, table: DueTable) -> Depth:
    """How deep a table is verified: as the one wants it that wants most."""
    wanted = [schedule.depth for schedule in run.schedules if schedule.name in table.schedules]
    return max(wanted, key=lambda depth: depth.fraction, default=DEEP)


def _drilled(drills: Drills, table: DueTable) -> BackupError | None:
    """Why a drill is none that could be called good; what passes ends the attempt."""
    try:
        return drill_error(drills.make_or_ask(table.name, table.schedules[0]))
    except RunCancelledError:
        raise
    except BackupError as error:
        if is_passing(error):
            raise
        return error


def _is_stored(table: str, tag: str, context: Context, heard: AttemptReporter) -> bool:
    """One tag of a table is one content: what a run before a crash has published anywhere isn't tried again."""
    names = [repository.name for repository in context.repositories]
    stored = [repository.name for repository in context.repositories if tag in repository.tags(table)]
    if not stored:
        return False
    lacking = [name for name in names if name not in stored]
    if lacking:
        error = IncompleteError(
            f"Table '{table}' is stored in {', '.join(stored)} only: a run before a crash never came to "
            f"{', '.join(lacking)}.",
            hint="The next run stores it in all of them.",
        )
        heard.found(table, stored)
        heard.failure(TABLE_FAILED, error, table=table, tag=tag)
    else:
        heard.event(TABLE_SKIPPED, table=table, tag=tag, repositories=stored)
    return True
