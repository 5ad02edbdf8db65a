"""Where `restore` looks for backups: repositories of the settings, or any directory that is one."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from backup_core.errors import NotFoundError
from backup_core.events import SilentReporter
from backup_core.repository import layout
from backup_core.repository.protocol import Repository
from daemon.invocation import Invocation


def restore_sources(invocation: Invocation, wanted: Sequence[str] | None) -> tuple[Repository, ...]:
    """The repositories to look through, open for reading; of those with a host id in their place every host's.

    Args:
        invocation: closes them; its settings are in force.
        wanted: names of the settings' repositories, or paths; None for all of the settings.

    Raises:
        NotFoundError: there is no such repository, or a directory is none.
        ForeignRepositoryError: one is of a newer format.
        BackupError: as the operating system or the store refuses.
    """
    if wanted is None:
        return _opened(invocation.repositories(SilentReporter()))
    return tuple(each for name in wanted for each in _named(invocation, name))


def _opened(chosen: Iterable[Repository]) -> tuple[Repository, ...]:
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


def _named(invocation: Invocation, name: str) -> tuple[Repository, ...]:
    """The repositories of that name in the settings, or the one at that path."""
    known = invocation.settings.repository
    if name in known:
        return _opened(invocation.repositories(SilentReporter(), (name,)))
    if not Path(name).is_dir():
        raise NotFoundError(
            f"There is no repository {name!r}, neither in the settings nor as a directory.",
            hint=f"There is: {', '.join(known)}.",
        )
    repository = invocation.repository_at(name)
    _open(repository, "Name the one that has a directory for each table.")
    return (repository,)


def _open(repository: Repository, hint: str) -> None:
    """Open a repository, which has its marker, or at least what the predecessor left.

    Raises:
        NotFoundError: it isn't there, or is a directory like any other.
    """
    if repository.open_read_only() is not None:
        return
    # A table's directory, or a backup's: what is in it looks like the predecessor's.
    parents = Path(repository.address).absolute().parents[:2]
    around = [above for above in parents if (above / layout.MARKER).exists()]
    if around or not any(repository.backups(table) for table in repository.tables()):
        raise NotFoundError(
            f"{repository.address} is no repository: it has neither {layout.MARKER} nor a table with backups.",
            hint=f"It is inside of {around[0]}, which is one." if around else hint,
        )
