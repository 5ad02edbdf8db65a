"""Where `restore` looks for backups: repositories of the settings, or any directory that is one."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from backup_core.clock import SystemClock
from backup_core.compression import ArchiveFormat
from backup_core.errors import NotFoundError
from backup_core.events import SilentReporter
from backup_core.repository import layout
from backup_core.repository.listing import list_tables
from backup_core.repository.local import LocalRepository
from daemon.repositories import repositories
from daemon.settings_file import Settings


def restore_sources(settings: Settings, wanted: Sequence[str] | None) -> tuple[LocalRepository, ...]:
    """The repositories to look through, open for reading; of those with a host id in their path every host's.

    Args:
        settings: what is in force.
        wanted: names of the settings' repositories, or paths; None for all of the settings.

    Raises:
        NotFoundError: there is no such repository, or a directory is none.
        ForeignRepositoryError: one is of a newer format.
        BackupError: as the operating system refuses.
    """
    configured = repositories(settings, SilentReporter())
    if wanted is None:
        return _opened(configured)
    return tuple(each for name in wanted for each in _named(configured, name))


def _opened(chosen: Iterable[LocalRepository]) -> tuple[LocalRepository, ...]:
    """Those that are there; one that isn't mounted is no reason not to restore from another."""
    opened, missing = [], None
    for repository in chosen:
        try:
            _open(repository, "It becomes one with the first backup. Is its disk mounted?")
            opened.append(repository)
        except NotFoundError as error:
            missing = error
    if missing is not None and not opened:
        raise missing
    return tuple(opened)


def _named(configured: Sequence[LocalRepository], name: str) -> tuple[LocalRepository, ...]:
    """The repositories of that name in the settings, or the one at that path."""
    found = tuple(repository for repository in configured if repository.name == name)
    if found:
        return _opened(found)
    path = Path(name)
    if not path.is_dir():
        names = ", ".join(dict.fromkeys(repository.name for repository in configured))
        raise NotFoundError(
            f"There is no repository {name!r}, neither in the settings nor as a directory.", hint=f"There is: {names}."
        )
    reporter = SilentReporter()
    repository = LocalRepository(
        name, path, archive_format=ArchiveFormat.TAR_GZ, reporter=reporter, clock=SystemClock()
    )
    _open(repository, "Name the one that has a directory for each table.")
    return (repository,)


def _open(repository: LocalRepository, hint: str) -> None:
    """Open a repository, which has its marker, or at least what the predecessor left.

    Raises:
        NotFoundError: it isn't there, or is a directory like any other.
    """
    if repository.open_read_only() is not None:
        return
    # A table's directory, or a backup's: what is in it looks like the predecessor's.
    around = [above for above in repository.path.absolute().parents[:2] if (above / layout.MARKER).exists()]
    if around or not any(repository.backups(table) for table in list_tables(repository.path)):
        raise NotFoundError(
            f"{repository.path} is no repository: it has neither {layout.MARKER} nor a table with backups.",
            hint=f"It is inside of {around[0]}, which is one." if around else hint,
        )
