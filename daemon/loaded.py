"""The settings in force, as a whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from daemon.schedules import Schedule, schedules
from daemon.settings_file import Settings, load_settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a settings file said. A run that begins with it ends with it.

    Attributes:
        path: the file.
        schedules: made from the settings.
    """

    path: Path
    settings: Settings
    schedules: tuple[Schedule, ...]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a file.

        Raises:
            SettingsError: it can't be read, or is wrong.
        """
        settings = load_settings(path)
        return cls(path, settings, schedules(settings))
