"""The repositories of the settings, for whoever only reads them: no client of the node is imported here."""

import socket
from collections.abc import Callable
from pathlib import Path

from backup_core.clock import SystemClock
from backup_core.compression import ArchiveFormat
from backup_core.errors import SettingsError
from backup_core.events import Reporter
from backup_core.repository.local import LocalRepository
from daemon.settings_file import Settings


HOST_ID_PLACEHOLDER = "{host_id}"
HOSTNAME_PLACEHOLDER = "{hostname}"


def repositories(
    settings: Settings, reporter: Reporter, *, host_id: Callable[[], str] | None = None
) -> tuple[LocalRepository, ...]:
    """The repositories of the settings, not yet opened.

    Args:
        settings: what is in force.
        reporter: hears what happens.
        host_id: asked where a path needs it; None where no node is to be asked.

    Raises:
        SettingsError: there is none, or a path needs the host id and there is no node to tell it.
    """
    if not settings.repository:
        raise SettingsError(
            "repository: there is no repository.", hint="Add [repository.local] with a path to settings.toml."
        )
    return tuple(
        LocalRepository(
            name,
            _path(name, str(repository.path), host_id),
            archive_format=ArchiveFormat(repository.format),
            allow_same_disk=repository.allow_same_disk,
            reporter=reporter,
            clock=SystemClock(),
        )
        for name, repository in settings.repository.items()
    )


def _path(name: str, path: str, host_id: Callable[[], str] | None) -> Path:
    if HOST_ID_PLACEHOLDER in path:
        if host_id is None:
            raise SettingsError(
                f"repository.{name}.path: {HOST_ID_PLACEHOLDER} stands in it, and no node is asked for it here.",
                hint="Give the whole path in a settings file of its own, and name that with --settings.",
            )
        path = path.replace(HOST_ID_PLACEHOLDER, host_id())
    return Path(path.replace(HOSTNAME_PLACEHOLDER, socket.gethostname()))
