"""How the daemon has a drill made that it may not make itself: a request in the state directory, taken up by root.

ScyllaDB takes only files of its own user, and the daemon is another. So it writes a file; systemd sees it and starts
the root unit; that holds a lock on the file as long as it works. The file names a schedule and a table, nothing else:
what is done with which tables stand in root's own settings, and what came of it in the records of drills.
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from backup_core.context import Context
from backup_core.durable import replace_file, require_directory
from backup_core.errors import BackupError, NodeRefusedError, PermissionDeniedError
from backup_core.events import DRILL_REQUESTED
from backup_core.flock import is_file_held
from backup_core.ownership import as_owner_of
from backup_core.repository.layout import is_table_name
from backup_core.restore.drill_results import DrillRecords, DrillResult
from backup_core.step import step
from backup_core.storage_errors import storage_errors
from daemon.schedules import Schedule


FORMAT_VERSION = 1
REQUEST, TAKEN = "request.json", "taken.json"
MOST_BYTES = 4096
PATIENCE_SECONDS = 90.0
"""So long systemd may take to start the unit."""
POLL_SECONDS = 0.5
UNIT = "alternator-backup-restore@drill.service"
PATH_UNIT = "alternator-backup-drill.path"


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """What is asked for: a table, as a schedule of the settings selects it."""

    schedule: str
    table: str


class DrillRequests:
    """The files in one directory; there is one request at a time.

    Args:
        directory: made with the first request.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._request = directory / REQUEST
        self._taken = directory / TAKEN

    def ask(self, context: Context, records: DrillRecords, request: DrillRequest) -> DrillResult:
        """Have a drill made by root, and wait for what comes of it.

        Args:
            context: whose clock, reporter and cancel token count.
            records: of drills, in which root writes.
            request: what is asked for.

        Raises:
            PermissionDeniedError: nobody takes the request.
            BackupError: the drill ended without a result, or the request can't be written.
            RunCancelledError: a signal; the drill goes on, if it was begun.
        """
        asked_at = context.clock.now()
        context.reporter.event(DRILL_REQUESTED, table=request.table, schedule=request.schedule)
        try:
            with step(context, "drill", table=request.table):
                content = {"format_version": FORMAT_VERSION, **asdict(request)}
                replace_file(self._request, json.dumps(content).encode(), parents=True)
                self._await_taken(context)
                while is_file_held(self._taken):
                    context.reporter.progress(f"drill {request.table}", 0, 0)
                    context.cancel.sleep(POLL_SECONDS)
        finally:
            self._withdraw()
        drills = records.of(request.table)
        if drills is None or drills.last.drilled_at <= asked_at:
            raise BackupError(
                f"The drill of '{request.table}' ended without a result.", hint=f"See why: journalctl -u {UNIT}."
            )
        return drills.last

    @contextmanager
    def taken(self, schedules: tuple[Schedule, ...]) -> Iterator[DrillRequest | None]:
        """The request, held for the block and gone afterwards; None if there is none.

        Whoever wrote it is not trusted: the file is opened as its directory's owner, and may say only what a schedule
        of the settings says as well.

        Args:
            schedules: of the settings.

        Raises:
            BackupError: it can't be read, or asks for what no schedule does; it is gone even so.
        """
        with as_owner_of(self._directory), storage_errors(self._request, "Failed to take the request of a drill"):
            try:
                require_directory(self._directory)
                descriptor = os.open(self._request, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except (FileNotFoundError, BackupError):
                descriptor = None
        if descriptor is None:
            yield None
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with as_owner_of(self._directory), storage_errors(self._request, "Failed to take the request of a drill"):
                self._request.rename(self._taken)
            yield _validated(descriptor, schedules)
        finally:
            with as_owner_of(self._directory):
                self._withdraw()
            os.close(descriptor)

    def _await_taken(self, context: Context) -> None:
        deadline = context.clock.monotonic() + PATIENCE_SECONDS
        while self._request.exists():
            if context.clock.monotonic() > deadline:
                raise PermissionDeniedError(
                    f"Nobody has taken the request of a drill within {PATIENCE_SECONDS:g} seconds, and this user may "
                    "not write into ScyllaDB's directories.",
                    hint=f"Drills by schedule need install.sh --with-drills; look at: systemctl status {PATH_UNIT}.",
                )
            context.cancel.sleep(POLL_SECONDS)

    def _withdraw(self) -> None:
        """What the root unit works by is an open file: that it has no name any more doesn't matter."""
        with storage_errors(self._directory, "Failed to remove the request of a drill"):
            self._request.unlink(missing_ok=True)
            self._taken.unlink(missing_ok=True)


def _validated(descriptor: int, schedules: tuple[Schedule, ...]) -> DrillRequest:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise _refused("it is no file")
    content = os.read(descriptor, MOST_BYTES + 1)
    try:
        fields = json.loads(content)
    except ValueError:
        raise _refused("it is no JSON") from None
    if len(content) > MOST_BYTES or not isinstance(fields, dict):
        raise _refused("it is no request")
    if fields.keys() != {"format_version", "schedule", "table"} or fields["format_version"] != FORMAT_VERSION:
        raise _refused("it is of another version")
    name, table = fields["schedule"], fields["table"]
    if not (isinstance(name, str) and isinstance(table, str) and is_table_name(table)):
        raise _refused("it names no table")
    found = [schedule for schedule in schedules if (schedule.name, schedule.what) == (name, "drill")]
    if not any(schedule.select([table]) for schedule in found):
        raise _refused("no schedule of the settings asks for it")
    return DrillRequest(name, table)


def _refused(why: str) -> NodeRefusedError:
    return NodeRefusedError(f"The request of a drill is refused: {why}.")
