"""Tells where each value of the settings in force comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import (
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
)

from daemon.credentials import DELIMITER, CredentialFiles
from daemon.settings_file import ENVIRONMENT_PREFIX, Settings, read_settings_file


DEFAULT = "default"

Given = tuple[PydanticBaseSettingsSource, Mapping[str, Any]]
"""A source, and what it says."""


def settings_sources(path: Path, environment: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Where each value comes from: `file`, `environment NAME`, `credential` or `default`.

    Args:
        path: the settings file, which was found to be right.
        environment: the process's, which was read together with it.
        values: what is in force, as nested tables.

    Returns:
        The same tables, with words in the place of the values.
    """
    sources = Settings.settings_customise_sources(
        Settings,
        InitSettingsSource(Settings, read_settings_file(path)),
        EnvSettingsSource(Settings),
        DotEnvSettingsSource(Settings),
        SecretsSettingsSource(Settings),
    )
    return _told(values, (), [(source, source()) for source in sources], environment)


def _told(
    values: Mapping[str, Any], path: tuple[str, ...], given: list[Given], environment: Mapping[str, str]
) -> dict[str, Any]:
    return {
        key: _told(value, (*path, key), given, environment)
        if isinstance(value, dict)
        else _origin((*path, key), given, environment)
        for key, value in values.items()
    }


def _origin(path: tuple[str, ...], given: list[Given], environment: Mapping[str, str]) -> str:
    """The first source that says anything of a key is the one that counts."""
    for source, values in given:
        if not _says(values, path):
            continue
        if isinstance(source, CredentialFiles):
            return "credential"
        return f"environment {_variable(path, environment)}" if isinstance(source, EnvSettingsSource) else "file"
    return DEFAULT


def _says(values: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True


def _variable(path: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """The variable as somebody wrote it, in whatever case; one that has a whole table in it sets each of its keys."""
    written = {name.upper(): name for name in environment}
    ancestors = (path[:length] for length in range(len(path), 0, -1))
    names = ((ENVIRONMENT_PREFIX + DELIMITER.join(ancestor)).upper() for ancestor in ancestors)
    return next(written[name] for name in names if name in written)
