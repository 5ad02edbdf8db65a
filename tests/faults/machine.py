"""A station with a daemon: what its one schedule finds when it starts, and where a run comes to a stop."""

import os
from datetime import UTC, datetime

from backup_core.events import SilentReporter
from daemon.history import History
from daemon.history_file import HISTORY_NAME
from daemon.monitoring.service_status import service_status
from sandbox.faults import Fault
from tests.conftest import settings_text
from tests.e2e.services import Daemon, Line, daemon
from tests.faults.commands import until
from tests.faults.harness import SNAPSHOTS, Station


WEEK_SECONDS = 7 * 24 * 3600
WEEKLY = 'every = "7d"'
"""Missed long ago, so it comes due at the start, and its next time is far away."""

NO_FLOOR = 'min_free_space = "0"'
SLOWLY = f'{NO_FLOOR}\nread_rate = "1MiB"'
"""Limits with which the archive of a table that is `large` takes some seconds."""

POST, DELETE = f"rest POST {SNAPSHOTS}", f"rest DELETE {SNAPSHOTS}"

HANGING = {
    "prepare": ("rest GET /storage_service/scylla_release_version", "hang"),
    "table_id": ("alternator DescribeTable", "hang"),
    "schema": ("cql DESCRIBE", "hang"),
    "snapshot": (POST, "hang"),
    "snapshot taken": (POST, "work_then_hang"),
    "clear": (DELETE, "hang"),
}
"""Where a run comes to a stop, by step."""

_LAST_LINES = {"schema": "table.identified", "snapshot": "snapshot.requested", "clear": "table.finished"}


class Machine(Station):
    """A station with a daemon whose one schedule is due as soon as it starts."""

    def set_up(self, schedule: str = WEEKLY, **changes: str) -> None:
        """Write the settings, and have the schedule be missed long ago."""
        self.write_settings(schedule__weekly=schedule, **changes)
        (self.directory / "state").mkdir(exist_ok=True)
        history = History.open(self.directory / "state" / HISTORY_NAME, (), SilentReporter())
        history.schedule_handled("weekly", datetime(2020, 1, 1, tzinfo=UTC))
        history.close()

    def write_settings(self, **changes: str) -> None:
        """Write settings as `settings_text` does, without a server for metrics."""
        self.settings.write_text(settings_text(self.node, self.directory, **({"metrics": 'listen = ""'} | changes)))

    def is_running(self) -> bool:
        """Whether the daemon says that it is at a run."""
        status = service_status(self.directory / "state")
        return status.told is not None and status.told.running is not None

    def hang(self, step: str) -> None:
        """Have the next run come to a stop in a step."""
        endpoint, kind = HANGING[step]
        self.node.faults.set(endpoint, Fault(kind))  # type: ignore[arg-type]  # the kinds are in HANGING

    def stopped_in(self, running: Daemon, step: str) -> None:
        """Wait until a run has come to that stop."""
        running.until("schedule.caught_up")
        if step == "snapshot taken":
            until(self.snapshots)
        elif step in _LAST_LINES:
            running.until(_LAST_LINES[step])
        else:
            until(self.is_running)

    def go_down(self) -> None:
        """Have the node drop every connection until the faults are cleared."""
        for server in ("rest", "cql", "alternator"):
            self.node.faults.set(server, Fault("drop"))

    def make_large(self, items: int = 20) -> None:
        """Have some MiB in the table: five items are one."""
        for number in range(items):
            item = {"pk": {"S": str(number)}, "sk": {"S": "large"}, "data": {"B": os.urandom(200 << 10)}}
            self.dynamodb().put_item(TableName="users", Item=item)

    def assert_makes_up(self) -> list[Line]:
        """The next start ends with one backup, under the tag that was due, nothing on the node, and no ERROR.

        Returns:
            What it has logged.
        """
        with daemon(self.settings) as running:
            running.until("schedule.caught_up")
            until(lambda: running.said("run.finished") or running.said("table.skipped"))
            assert running.stop() == 0
            assert running.errors() == []
        assert len(self.listed()) == 1
        assert int(self.listed()[0].tag) % WEEK_SECONDS == 0
        self.assert_clean()
        return running.lines
