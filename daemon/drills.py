"""Drills as the daemon and the command line make them: which table, by whom, and what is remembered of it.

What makes one is imported when it is made: it brings the node's clients, which cost a start more than all the rest.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backup_core.context import Context
from backup_core.restore.drill_results import DrillRecords, DrillResult
from backup_core.sizes import parse_size
from backup_core.snapshot import data_directories
from backup_core.source_errors import source_errors
from daemon.drill_requests import DrillRequest, DrillRequests
from daemon.settings_file import Settings
from daemon.state import state_directory


if TYPE_CHECKING:
    from backup_core.restore.drill import DrillChoice


def drill_records(settings: Settings) -> DrillRecords:
    """What is remembered of drills."""
    return DrillRecords(state_directory(settings) / "drills")


def drill_requests(settings: Settings) -> DrillRequests:
    """Where the daemon asks root for a drill; the path unit watches it."""
    return DrillRequests(state_directory(settings) / "drill-requests")


class Drills:
    """Drills on one node.

    Args:
        settings: what is in force.
        context: where the node is.
    """

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._records = drill_records(settings)

    def tables(self) -> tuple[str, ...]:
        """Names of all tables that have backups of this node.

        Raises:
            BackupError: a repository isn't there, or can't be read.
        """
        names: set[str] = set()
        for repository in self._context.repositories:
            repository.open_read_only()
            names.update(repository.tables())
        return tuple(sorted(names))

    def choose(self, tables: Sequence[str], *, most_bytes: int | None = None) -> "DrillChoice":
        """The table whose last drill is the longest ago.

        Args:
            tables: to choose from.
            most_bytes: largest size of a backup's data, 0 for any; that of the settings if None.

        Raises:
            BackupError: a repository or a record can't be read.
        """
        from backup_core.restore.drill import choose_table  # noqa: PLC0415  (see the module)

        limit = parse_size(self._settings.limits.drill_size) if most_bytes is None else most_bytes
        return choose_table(self._context, self._records, tables, most_bytes=limit or None)

    def make(self, table: str) -> DrillResult:
        """Drill a table in this process; errors as for `backup_core.restore.drill.drill`."""
        from backup_core.restore.drill import drill  # noqa: PLC0415  (see the module)

        return drill(self._context, self._records, table)

    def make_or_ask(self, table: str, schedule: str) -> DrillResult:
        """Drill a table, in this process if its user may; else have root do it.

        Raises:
            BackupError: as for `drill`, or as for `DrillRequests.ask`.
        """
        if self._may_load():
            return self.make(table)
        return drill_requests(self._settings).ask(self._context, self._records, DrillRequest(schedule, table))

    def _may_load(self) -> bool:
        """Whether ScyllaDB would take files of this user, who may write into its directories."""
        if os.geteuid() == 0:
            return True
        owners = set()
        for directory in data_directories(self._context):
            with source_errors(directory):
                owners.add(directory.stat().st_uid)
        return owners == {os.geteuid()}
