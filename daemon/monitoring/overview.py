"""Everything that `status` shows, gathered from files; the node is asked where its data is, and may be down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backup_core.errors import BackupError, RunCancelledError, SettingsError
from backup_core.events import SilentReporter
from backup_core.floor import Floor
from backup_core.journal import Journal
from backup_core.node.rest import RestClient
from backup_core.restore.drill_results import TableDrills
from daemon.drills import drill_records
from daemon.history_file import HISTORY_NAME
from daemon.history_reading import remembered
from daemon.history_records import PastRun, TableError, TableVerified
from daemon.invocation import Invocation
from daemon.monitoring.holdings import DiskSpace, HeldSnapshot, disk_space, held_snapshots
from daemon.monitoring.salvaged_state import salvaged_state_directory
from daemon.monitoring.service_status import ServiceStatus, service_status
from daemon.monitoring.surroundings import data_directories, node_api
from daemon.repositories import repositories
from daemon.settings_schedules import ScheduleSettings
from daemon.state import state_directory
from daemon.wiring import JOURNAL_NAME, snapshot_journal


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """A schedule of the settings, or of the daemon that hasn't read them yet.

    Attributes:
        what: what it does; None if the settings have it no more.
        last_run: the newest that the history knows.
        next_at: None if no living daemon would see to it.
    """

    name: str
    what: str | None
    last_run: PastRun | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is to be said.

    Attributes:
        errors: the newest failure of each table.
        drills: of each table that ever had one.
        verified: the newest verification of each table that had one by a schedule.
        problems: what couldn't be looked at, and why.
        refused: what is wrong with the settings, which then say nothing; None if they can be used.
    """

    service: ServiceStatus
    schedules: tuple[ScheduleStatus, ...]
    errors: tuple[TableError, ...]
    snapshots: tuple[HeldSnapshot, ...]
    disks: tuple[DiskSpace, ...]
    drills: tuple[TableDrills, ...]
    verified: tuple[TableVerified, ...]
    problems: tuple[str, ...]
    refused: SettingsError | None = None


def overview(invocation: Invocation) -> Overview:
    """Look at everything; where the settings are refused, at what the daemon has left in its state directory.

    Raises:
        SettingsError: there is no settings file to go by.
        PermissionDeniedError, StorageError: the state directory can't be read.
    """
    path = invocation.settings_path
    try:
        settings = invocation.settings
    except SettingsError as error:
        return _without_settings(path, error)
    state = state_directory(settings)
    service = service_status(state)
    history = remembered(state / HISTORY_NAME)
    problems = [problem for problem in (service.problem, history.problem) if problem]
    with node_api(settings, invocation.cancel) as rest:
        directories = data_directories(settings, rest)
        snapshots = held_snapshots(snapshot_journal(settings), directories, lambda error: problems.append(str(error)))
        disks = _disks(invocation, directories, rest, problems)
    if not directories:
        problems.append("The node doesn't tell where its data is, and node.data_dirs is empty.")
    schedules = tuple(_schedules(settings.schedule, service, history.last_runs))
    drills = drill_records(settings).all()
    errors, verified = history.last_errors, history.last_verified
    return Overview(service, schedules, errors, snapshots, disks, drills, verified, tuple(problems))


def _without_settings(path: Path, refused: SettingsError) -> Overview:
    state = salvaged_state_directory(path)
    service = service_status(state)
    history = remembered(state / HISTORY_NAME)
    problems = [f"Without settings, {state} is taken for the state directory; repositories and disks aren't looked at."]
    problems += [problem for problem in (service.problem, history.problem) if problem]
    schedules = tuple(_schedules({}, service, history.last_runs))
    snapshots = held_snapshots(Journal(state / JOURNAL_NAME), (), lambda error: problems.append(str(error)))
    errors, verified = history.last_errors, history.last_verified
    return Overview(service, schedules, errors, snapshots, (), (), verified, tuple(problems), refused)


def _schedules(
    configured: Mapping[str, ScheduleSettings], service: ServiceStatus, last_runs: Mapping[str, PastRun]
) -> Iterator[ScheduleStatus]:
    in_force = service.told.schedules if service.alive and service.told else {}
    for name in dict.fromkeys([*configured, *in_force]):
        schedule = configured.get(name)
        yield ScheduleStatus(name, schedule.what if schedule else None, last_runs.get(name), service.next_at(name))


def _disks(
    invocation: Invocation, directories: tuple[Path, ...], rest: RestClient, problems: list[str]
) -> tuple[DiskSpace, ...]:
    """The disks of data and repositories; what can't be looked at becomes a problem."""
    settings = invocation.settings
    places = [("data", path) for path in directories]
    try:
        found = repositories(settings, SilentReporter(), host_id=rest.host_id, cancel=invocation.cancel)
        places += [(each.name, each.directory) for each in found if each.directory is not None]
    except RunCancelledError:
        raise
    except BackupError as error:
        problems.append(str(error))
    disks = []
    for what, path in places:
        try:
            disks.append(disk_space(what, path, Floor.parse(settings.limits.min_free_space)))
        except BackupError as error:
            problems.append(str(error))
    return tuple(disks)
