"""What a backup writes: may the repositories and the state be written, are they ours, and is there room?"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backup_core.ancestor import existing_ancestor
from backup_core.errors import BackupError, NotFoundError, StorageError, StorageFullError
from backup_core.repository.marker import refuse_other_host
from backup_core.repository.protocol import Repository
from backup_core.sizes import human_size
from backup_core.space import refuse_same_disk
from backup_core.storage_errors import storage_errors
from daemon.checking.examination import Examination
from daemon.checking.finding import Finding, failure, not_looked_at, ok


def repositories(examination: Examination) -> Iterator[Finding]:
    """May each repository be written, is it this host's, and is it on another disk than the data?"""
    error = examination.repositories.error
    if error is not None and error is examination.host_id.error:
        yield not_looked_at("repository", error)
        return
    for repository in examination.repositories.get():
        what = f"repository {repository.name}"
        errors = list(_errors(examination, repository))
        yield from (failure(what, error) for error in errors)
        if not errors:
            yield ok(what, f"{repository.address}: {_state(repository)}.")


def space(examination: Examination) -> Iterator[Finding]:
    """Is as much free as has to stay free, on each disk that a backup needs?"""
    paths: list[Path] = []
    if examination.directories.error is None:
        paths += examination.directories.get()
    if examination.repositories.error is None:
        paths += (each.directory for each in examination.repositories.get() if each.directory is not None)
    disks: dict[int, Path] = {}
    for path in paths:
        with storage_errors(path, "Failed to look at the free space of"):
            disks.setdefault(existing_ancestor(path).stat().st_dev, path)
    for path in disks.values():
        yield _disk(examination, path)


def state(examination: Examination) -> Iterator[Finding]:
    """May the journal and the locks be written? Without them no snapshot is asked for."""
    directory = examination.state_directory
    _try_to_write(directory)
    for name in ("snapshots", "locks"):
        _try_to_write(directory / name)
    yield ok("state", f"{directory}: writable.")


def _state(repository: Repository) -> str:
    if repository.directory is None:
        return "reachable"
    return "writable" if repository.directory.is_dir() else "can be made, and is by the first backup"


def _errors(examination: Examination, repository: Repository) -> Iterator[BackupError]:
    """Everything for which a backup would refuse this repository."""
    for check in (_refuse_unwritable, _refuse_other_host, _refuse_same_disk):
        try:
            check(examination, repository)
        except BackupError as error:
            yield error


def _refuse_unwritable(_examination: Examination, repository: Repository) -> None:
    if repository.directory is None:
        repository.tables()  # fails where there is no bucket, or none that this user may look into
    else:
        _try_to_write(repository.directory)


def _refuse_other_host(examination: Examination, repository: Repository) -> None:
    try:
        marker = repository.open_read_only()
    except NotFoundError:
        return
    if marker is not None and examination.host_id.error is None:
        refuse_other_host(repository.address, marker, examination.host_id.get())


def _refuse_same_disk(examination: Examination, repository: Repository) -> None:
    if examination.directories.error is None:
        refuse_same_disk(repository, examination.directories.get())


def _try_to_write(directory: Path) -> None:
    """Make a file without a name there, or where the directory would be made; it leaves nothing behind."""
    with storage_errors(directory, "Failed to write into"):
        existing = existing_ancestor(directory)
        if not existing.is_dir():
            raise StorageError(f"{existing} is no directory.", hint="Move it away, or set another path.")
        with tempfile.TemporaryFile(dir=existing):
            pass


def _disk(examination: Examination, path: Path) -> Finding:
    with storage_errors(path, "Failed to look at the free space of"):
        usage = shutil.disk_usage(existing_ancestor(path))
    kept_bytes = examination.floor.of(usage.total)
    found = (
        f"{human_size(usage.free)} of {human_size(usage.total)} free on the disk of {path}, "
        f"{human_size(kept_bytes)} ({examination.settings.limits.min_free_space}) has to stay free."
    )
    if usage.free < kept_bytes:
        hint = "Free up disk space, set the repository's path to another disk, or lower limits.min_free_space."
        return failure("space", StorageFullError(found, hint=hint))
    return ok("space", found)
