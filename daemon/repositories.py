"""The repositories of the settings, for whoever only reads them: no client of the node is imported here."""

import glob
import os
import re
import socket
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from backup_core.cancel import CancelToken
from backup_core.errors import NotFoundError, StorageError
from backup_core.events import Reporter, SilentReporter
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from daemon.repository_building import RepositoryBuilder
from daemon.settings_file import Settings
from daemon.settings_repositories import (
    HOST_ID_PLACEHOLDER,
    HOSTNAME_PLACEHOLDER,
    LocalRepositorySettings,
    RepositorySettings,
)


if TYPE_CHECKING:
    from backup_core.encryption import Identities


T = TypeVar("T")

HOST_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def repositories(
    settings: Settings,
    reporter: Reporter,
    *,
    host_id: Callable[[], str] | None = None,
    cancel: CancelToken | None = None,
    identities: "Identities | None" = None,
    names: Collection[str] | None = None,
) -> tuple[Repository, ...]:
    """The repositories of the settings, not yet opened; whoever uses them for long closes them.

    Args:
        settings: what is in force.
        reporter: hears what happens.
        host_id: asked where a place needs it; None where no node is to be asked: then every host's repository counts
            that is found in such a place. Where none is found, opening it says that it isn't there.
        cancel: ends what waits.
        identities: private keys, where encrypted backups are to be read.
        names: of those that are wanted; all if None.

    Raises:
        BackupError: it can't be looked up which hosts there are; or the host id isn't known.
    """
    builder = RepositoryBuilder(
        settings, reporter, cancel or CancelToken(), is_node=host_id is not None, identities=identities
    )
    return tuple(
        repository
        for name, place in settings.repository.items()
        if names is None or name in names
        for repository in _in_place(builder, name, place, host_id)
    )


def repository_of_host(
    settings: Settings, reporter: Reporter, name: str, host_id: str, *, cancel: CancelToken
) -> Repository:
    """A host's repository, to be filled from any machine.

    Args:
        settings: what is in force.
        reporter: hears what happens.
        name: of the repository in the settings.
        host_id: of the host, which needn't be this one.
        cancel: ends what waits.

    Raises:
        StorageError: that can't be the id of a host.
    """
    if not re.fullmatch(HOST_ID, host_id):
        raise StorageError(f"{host_id!r} can't be the id of a host")
    builder = RepositoryBuilder(settings, reporter, cancel, is_node=True, is_host=False)
    (repository,) = _in_place(builder, name, settings.repository[name], lambda: host_id)
    return repository


def require_repository(settings: Settings, name: str) -> None:
    """Make sure that the settings have a repository.

    Raises:
        NotFoundError: there is none of that name.
    """
    if name not in settings.repository:
        known = ", ".join(settings.repository)
        raise NotFoundError(f"There is no repository {name!r} in the settings.", hint=f"Known: {known}.")


def foreign_folders(settings: Settings, name: str, *, cancel: CancelToken) -> tuple[str, ...]:
    """Folders in the place of a repository that are no host's; none where a repository is all that is there.

    Raises:
        BackupError: as the store refuses.
    """
    place = settings.repository[name]
    if isinstance(place, LocalRepositorySettings):
        return ()
    builder = RepositoryBuilder(settings, SilentReporter(), cancel, is_node=False)
    return tuple(each for each in builder.hosts_in_bucket(name, place) if not re.fullmatch(HOST_ID, each))


def repository_at(
    settings: Settings, path: str, *, cancel: CancelToken, identities: "Identities | None" = None
) -> Repository:
    """The repository in any directory, to be read.

    Args:
        settings: where the state is.
        path: of the directory; a repository has it as its name.
        cancel: ends what waits.
        identities: private keys, where encrypted backups are to be read.

    Raises:
        BackupError: as the operating system refuses.
    """
    return RepositoryBuilder(settings, SilentReporter(), cancel, is_node=False, identities=identities).at(path)


def opened(stored_in: Iterable[Repository]) -> tuple[Repository, ...]:
    """The same, opened for reading, for who may pass over none of them.

    Raises:
        NotFoundError: one isn't there.
        BackupError: as the operating system refuses.
    """
    repositories = tuple(stored_in)
    for repository in repositories:
        repository.open_read_only()
    return repositories


def answers(stored_in: Iterable[Repository], ask: Callable[[Repository], T]) -> Iterator[tuple[Repository, T]]:
    """What each repository answers that is there and has what it is asked for.

    Args:
        stored_in: opened here, one by one.
        ask: raises NotFoundError where the repository hasn't got it.

    Raises:
        NotFoundError: none has; as the last one says it.
        BackupError: as the operating system refuses.
    """
    found = False
    missing: NotFoundError | None = None
    for repository in stored_in:
        try:
            repository.open_read_only()
            answer = ask(repository)
        except NotFoundError as error:
            missing = error
        else:
            found = True
            yield repository, answer
    if missing is not None and not found:
        raise missing


def named_backups(
    stored_in: Iterable[Repository], table: str | None, tag: str | None = None
) -> Iterator[tuple[Repository, BackupListing]]:
    """The backups that a command line names: one by its tag, those of a table, or all if it names none.

    Raises:
        NotFoundError: there is none; as the last repository says it.
        BackupError: as the operating system refuses.
    """

    def named(repository: Repository) -> tuple[BackupListing, ...]:
        if table is None:
            return repository.backups()
        listing = repository.find(table, tag)
        return repository.backups(table) if tag is None else (listing,)

    return ((repository, listing) for repository, listings in answers(stored_in, named) for listing in listings)


def _in_place(
    builder: RepositoryBuilder, name: str, place: RepositorySettings, host_id: Callable[[], str] | None
) -> list[Repository]:
    if isinstance(place, LocalRepositorySettings):
        path = str(place.path).replace(HOSTNAME_PLACEHOLDER, socket.gethostname())
        return [builder.in_directory(name, place, each) for each in _paths(path, host_id)]
    if host_id is not None:
        return [builder.in_bucket(name, place, host_id())]
    hosts = [each for each in builder.hosts_in_bucket(name, place) if re.fullmatch(HOST_ID, each)]
    return [builder.in_bucket(name, place, each) for each in hosts or [""]]


def _paths(path: str, host_id: Callable[[], str] | None) -> list[Path]:
    if HOST_ID_PLACEHOLDER not in path:
        return [Path(path)]
    if host_id is not None:
        return [Path(path.replace(HOST_ID_PLACEHOLDER, host_id()))]
    return _of_all_hosts(path) or [Path(path)]


def _of_all_hosts(path: str) -> list[Path]:
    """Repositories at a path with any host id in it, the same one wherever it stands."""
    before, *others = path.split(HOST_ID_PLACEHOLDER)
    of_one_host = re.compile(re.escape(before) + f"({HOST_ID})" + r"\1".join(map(re.escape, others)))
    found = map(Path, sorted(glob.glob("*".join(map(glob.escape, (before, *others))))))  # noqa: PTH207  (escaped)
    return [each for each in found if of_one_host.fullmatch(str(each)) and _is_repository(each)]


def _is_repository(directory: Path) -> bool:
    """Whether it is one, or may be one that this user may not enter: then opening it says so."""
    return not os.access(directory, os.X_OK) or (directory / layout.MARKER).exists()
