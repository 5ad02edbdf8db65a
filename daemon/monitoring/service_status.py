"""What the daemon says of itself, and whether it is alive: by its lock, for its pid may be another process's by now."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from backup_core.storage_errors import storage_errors
from daemon.service_lock import service_running


STATUS_NAME = "status.json"
"""In the state directory."""


class _Told(BaseModel):
    """A part of status.json; what a newer daemon adds is passed over."""

    model_config = ConfigDict(frozen=True)


class SettingsInForce(_Told):
    """Where the daemon's settings come from; `reload_error` is why they aren't what the file says now."""

    path: Path
    loaded_at: AwareDatetime
    reload_error: str | None = None


class ScheduleTimes(_Told):
    """When a schedule fires next, and for when it last did."""

    next_at: AwareDatetime | None = None
    last_nominal_at: AwareDatetime | None = None


class RunningNow(_Told):
    """What the daemon does at this moment."""

    run_id: str
    schedule: str | tuple[str, ...] | None = None
    tag: str | None = None
    tables: int | tuple[str, ...] | None = None
    table: str | tuple[str, ...] | None = None
    step: str | None = None
    done_bytes: int | None = None
    total_bytes: int | None = None
    started_at: AwareDatetime | None = None


class Waiting(_Told):
    """A run that waits for its turn, or to be tried again: then `attempt` is more than 1.

    It has no `run_id` as long as the daemon is busy with another one.
    """

    run_id: str | None
    what: str
    tag: str
    schedule: tuple[str, ...]
    attempt: int


class Told(_Told):
    """All of status.json."""

    pid: int
    started_at: AwareDatetime
    updated_at: AwareDatetime
    settings: SettingsInForce
    schedules: dict[str, ScheduleTimes] = {}
    running: RunningNow | None = None
    waiting: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The daemon of a state directory.

    Attributes:
        told: its last words: those of a daemon that is dead say how it once was; None if it said nothing.
        problem: why what it said can't be read; empty if it can.
    """

    alive: bool
    told: Told | None = None
    problem: str = ""

    @property
    def reload_error(self) -> str:
        """Why a living daemon goes by other settings than its file has now; empty if it doesn't."""
        return (self.alive and self.told and self.told.settings.reload_error) or ""

    def next_at(self, schedule: str) -> datetime | None:
        """When the schedule fires next; None if nobody would see to it."""
        times = self.told.schedules.get(schedule) if self.alive and self.told else None
        return times.next_at if times else None


def service_status(state_directory: Path) -> ServiceStatus:
    """Look at the daemon of a state directory.

    Raises:
        PermissionDeniedError, StorageError: this user may not look.
    """
    alive = service_running(state_directory)
    path = state_directory / STATUS_NAME
    with storage_errors(path, "Failed to read the daemon's status"):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return ServiceStatus(alive)
    try:
        return ServiceStatus(alive, Told.model_validate_json(content))
    except ValidationError as error:
        return ServiceStatus(alive, problem=f"{path} can't be read: {error.errors(include_url=False)[0]['msg']}")
