"""Where journal, locks, history and what is known of repositories are."""

import os
from pathlib import Path

from backup_core.errors import SettingsError
from daemon.privileges import is_service_user
from daemon.settings_file import Settings


SYSTEM_STATE_DIRECTORY = Path("/var/lib/alternator-backup")


def state_directory(settings: Settings) -> Path:
    """Where journal and locks are: as set, else systemd's, else root's and the service's, else the user's.

    Raises:
        SettingsError: it isn't set, and the user has no home.
    """
    return settings.state.directory or default_state_directory()


def default_state_directory() -> Path:
    """Where they are if no setting says so; errors as for `state_directory`."""
    if os.environ.get("STATE_DIRECTORY"):
        return Path(os.environ["STATE_DIRECTORY"])
    if os.geteuid() == 0 or is_service_user():
        return SYSTEM_STATE_DIRECTORY
    if os.environ.get("XDG_STATE_HOME"):
        return Path(os.environ["XDG_STATE_HOME"]) / "alternator-backup"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise SettingsError(
            "state.directory: this user has no home directory for journal and locks.", hint="Set state.directory."
        ) from error
    return home / ".local" / "state" / "alternator-backup"
