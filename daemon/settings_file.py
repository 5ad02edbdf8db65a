"""Finds, reads and checks the settings: command line, environment, credentials, file, in this order.

pydantic-settings skips a file that is missing, and its errors print the values they complain of, secrets among them;
so the file is found and read here, and problems are told here.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from backup_core.errors import SettingsError
from daemon.credentials import DELIMITER, CredentialFiles
from daemon.settings import (
    REPOSITORY_NAME,
    AlternatorSettings,
    CqlSettings,
    LimitsSettings,
    LogSettings,
    NodeSettings,
    StateSettings,
)
from daemon.settings_environment import EnvironmentVariables
from daemon.settings_observability import HooksSettings, MetricsSettings
from daemon.settings_problems import problem
from daemon.settings_repositories import LocalRepositorySettings, RepositorySettings
from daemon.settings_schedules import ScheduleSettings


ENVIRONMENT_PREFIX = "ALTERNATOR_BACKUP_"
SETTINGS_VARIABLE = ENVIRONMENT_PREFIX + "SETTINGS"
SYSTEM_DIRECTORY = Path("/etc/alternator-backup")
FILE_NAME = "settings.toml"

HOOK_PREFIX = ENVIRONMENT_PREFIX + "HOOK_"
"""Of the variables that tell a hook's command what happens; none of them is a setting."""

_OTHER_VARIABLES = (SETTINGS_VARIABLE, ENVIRONMENT_PREFIX + "TEST_", HOOK_PREFIX)

Repositories = dict[Annotated[str, Field(pattern=REPOSITORY_NAME)], RepositorySettings]


def _are_some(repositories: Repositories) -> Repositories:
    if not repositories:
        raise ValueError("there has to be one: add [repository.local] with a path")
    return repositories


class Settings(BaseSettings):
    """Everything that is in force; its paths are absolute."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=DELIMITER,
        # What isn't JSON where JSON could be is then told like everything else that is wrong, with its key.
        enable_decoding=False,
    )

    node: NodeSettings = NodeSettings()
    alternator: AlternatorSettings = AlternatorSettings()
    cql: CqlSettings = CqlSettings()
    repository: Annotated[Repositories, AfterValidator(_are_some)] = Field(default_factory=dict, validate_default=True)
    schedule: dict[Annotated[str, Field(pattern=REPOSITORY_NAME)], ScheduleSettings] = Field(default_factory=dict)
    limits: LimitsSettings = LimitsSettings()
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    hooks: HooksSettings = HooksSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (pydantic-settings names the parameters)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then credentials, then what the file said, which comes as init arguments."""
        # Outside a unit: the directory that systemd's unit fills its own from.
        directory = Path(os.environ.get("CREDENTIALS_DIRECTORY") or SYSTEM_DIRECTORY / "credentials")
        environment = EnvironmentVariables(settings_cls)
        return environment, CredentialFiles(file_secret_settings, directory), init_settings


def named_settings(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The settings file that was named: given, else by the environment; None if none was."""
    return given or (Path(environment[SETTINGS_VARIABLE]) if environment.get(SETTINGS_VARIABLE) else None)


def find_settings(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The settings file: given, else named by the environment, else the system's, else the current directory's.

    Raises:
        SettingsError: there is none; or the one that was named isn't there.
    """
    named = named_settings(given, environment)
    if named is not None:
        return named
    candidates = (SYSTEM_DIRECTORY / FILE_NAME, Path(FILE_NAME))
    for candidate in candidates:
        if _is_there(candidate):
            return candidate
    closed = "" if _may_enter(SYSTEM_DIRECTORY) else f"This user may not look into {SYSTEM_DIRECTORY}. "
    raise SettingsError(
        f"No settings: neither {candidates[0]} nor ./{candidates[1]} is there.",
        hint=f"{closed}Name a file with --settings, or in {SETTINGS_VARIABLE}.",
    )


def _is_there(path: Path) -> bool:
    """Whether it is, as far as this user may look."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def _may_enter(directory: Path) -> bool:
    return os.access(directory, os.X_OK) or not _is_there(directory)


def load_settings(path: Path) -> Settings:
    """Read and check a settings file, together with the environment and the credentials.

    Raises:
        SettingsError: it isn't there, can't be read, is no TOML, or says something wrong: all problems at once.
    """
    return build_settings(read_settings_file(path), source=str(path), base=path.resolve().parent)


def build_settings(values: Mapping[str, Any], *, source: str, base: Path) -> Settings:
    """Check what a file said.

    Args:
        values: as they stand in the file.
        source: what problems are told of.
        base: what relative paths are relative to, wherever the command is called from.

    Raises:
        SettingsError: something is wrong: all problems at once.
    """
    problems = [f"environment: {name} is no setting" for name in sorted(os.environ) if _unknown(name)]
    # pydantic-settings takes some keys for its own arguments, `_env_file` for one.
    problems += [f"{key}: there is no such key" for key in values if key not in Settings.model_fields]
    settings = None
    try:
        settings = Settings(**{key: value for key, value in values.items() if key in Settings.model_fields})
    except ValidationError as error:
        problems += [problem(item) for item in error.errors(include_url=False, include_input=False)]
    except SettingsError as error:
        problems += error.problems
    if settings is None or problems:
        raise _refused(source, problems)
    anchored: Settings = _anchored(settings, base)
    if twice := _same_places(anchored):
        raise _refused(source, twice)
    return anchored


def _refused(source: str, problems: Sequence[str]) -> SettingsError:
    return SettingsError(
        f"{source}: {'; '.join(problems)}",
        hint="`alternator-backup settings check` lists each on a line of its own.",
        problems=tuple(problems),
    )


def _same_places(settings: Settings) -> list[str]:
    """Two repositories in one place would each count the other's backups as their own."""
    problems: list[str] = []
    names: dict[tuple[str | None, ...], str] = {}
    place: tuple[str | None, ...]
    for name, repository in settings.repository.items():
        if isinstance(repository, LocalRepositorySettings):
            key, what, place = "path", "directory", (os.path.realpath(repository.path),)
        else:
            key, what, place = "prefix", "place", (repository.endpoint_url, repository.bucket, repository.prefix)
        first = names.setdefault(place, name)
        if first != name:
            problems.append(f"repository.{name}.{key}: is the {what} of repository.{first}, too")
    return problems


def _anchored(value: Any, base: Path) -> Any:
    """The same with every path absolute."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return value.model_copy(update={name: _anchored(getattr(value, name), base) for name in fields})
    if isinstance(value, dict):
        return {key: _anchored(item, base) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_anchored(item, base) for item in value)
    return base / value if isinstance(value, Path) else value


def read_settings_file(path: Path) -> dict[str, Any]:
    """What stands in the file, not yet checked.

    Raises:
        SettingsError: it isn't there, can't be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path} is not there.", hint="Name another file with --settings.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = f"no TOML: {error}"
        raise SettingsError(f"{path} is {problem}", problems=(problem,)) from error
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}.") from error


def _unknown(name: str) -> bool:
    if not name.startswith(ENVIRONMENT_PREFIX) or name.startswith(_OTHER_VARIABLES):
        return False
    section = name.removeprefix(ENVIRONMENT_PREFIX).partition(DELIMITER)[0].lower()
    return section not in Settings.model_fields
