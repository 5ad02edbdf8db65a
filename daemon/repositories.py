"""The repositories of the settings, for whoever only reads them: no client of the node is imported here."""

import glob
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from backup_core.clock import SystemClock
from backup_core.compression import ArchiveFormat
from backup_core.errors import NotFoundError
from backup_core.events import Reporter
from backup_core.repository import layout
from backup_core.repository.listing import BackupListing
from backup_core.repository.local import LocalRepository
from daemon.settings import HOST_ID_PLACEHOLDER, HOSTNAME_PLACEHOLDER
from daemon.settings_file import Settings


T = TypeVar("T")

HOST_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def repositories(
    settings: Settings, reporter: Reporter, *, host_id: Callable[[], str] | None = None
) -> tuple[LocalRepository, ...]:
    """The repositories of the settings, not yet opened.

    Args:
        settings: what is in force.
        reporter: hears what happens.
        host_id: asked where a path needs it; None where no node is to be asked: then every host's repository counts
            that is found at such a path. Where none is found, opening it says that it isn't there.
    """
    return tuple(
        LocalRepository(
            name,
            path,
            archive_format=ArchiveFormat(repository.format),
            allow_same_disk=repository.allow_same_disk,
            reporter=reporter,
            clock=SystemClock(),
        )
        for name, repository in settings.repository.items()
        for path in _paths(str(repository.path).replace(HOSTNAME_PLACEHOLDER, socket.gethostname()), host_id)
    )


def opened(stored_in: Iterable[LocalRepository]) -> tuple[LocalRepository, ...]:
    """The same, opened for reading, for who may pass over none of them.

    Raises:
        NotFoundError: one isn't there.
        BackupError: as the operating system refuses.
    """
    repositories = tuple(stored_in)
    for repository in repositories:
        repository.open_read_only()
    return repositories


def answers(
    stored_in: Iterable[LocalRepository], ask: Callable[[LocalRepository], T]
) -> Iterator[tuple[LocalRepository, T]]:
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
    stored_in: Iterable[LocalRepository], table: str | None, tag: str | None = None
) -> Iterator[tuple[LocalRepository, BackupListing]]:
    """The backups that a command line names: one by its tag, those of a table, or all if it names none.

    Raises:
        NotFoundError: there is none; as the last repository says it.
        BackupError: as the operating system refuses.
    """

    def named(repository: LocalRepository) -> tuple[BackupListing, ...]:
        if table is None:
            return repository.backups()
        listing = repository.find(table, tag)
        return repository.backups(table) if tag is None else (listing,)

    return ((repository, listing) for repository, listings in answers(stored_in, named) for listing in listings)


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
