"""What the predecessor left: `users/table_schema.cql`, `users/users_backup.tar.gz` and so on, as plain files.

Those places become links to the newest backup, so before the first of ours the files move to `users/legacy-<time>/`,
the time being the archive's. They are renamed one by one, the one that gave its time last: after a crash the rest
still has the same time, and follows.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backup_core.durable import make_directory, sync_directory
from backup_core.repository import layout
from backup_core.storage_errors import storage_errors


ARCHIVE_SUFFIX = "tar.gz"
_LAST_MOMENT = 99_999_999_999


@dataclass(frozen=True, slots=True)
class LegacyBackup:
    """One backup of the predecessor.

    Attributes:
        location: the directory where its files are, or the table's directory as long as they haven't moved.
        archive: None if only files of CQL are left.
    """

    tag: str
    location: Path
    archive: Path | None
    size_bytes: int


def find(directory: Path) -> tuple[LegacyBackup, ...]:
    """What the predecessor left in a table's directory, moved or not.

    Raises:
        BackupError: as the operating system refuses.
    """
    waiting = _leftovers(directory)
    tags = _legacy_directories(directory)
    found = []
    if waiting:
        tag = _slot(directory, waiting)
        tags.discard(tag)
        found.append(_describe(directory, tag, directory, waiting))
    for tag in sorted(tags):
        files = _files(directory / tag)
        if files:
            found.append(_describe(directory, tag, directory / tag, files))
    return tuple(found)


def adopt(directory: Path) -> str | None:
    """Move what the predecessor left out of the places where links will be.

    Returns:
        the tag under which it is listed from now on, or None if there was nothing.

    Raises:
        BackupError: as the operating system refuses; what hasn't moved yet is listed and moved the next time.
    """
    waiting = _leftovers(directory)
    if not waiting:
        return None
    tag = _slot(directory, waiting)
    make_directory(directory / tag)
    for name in _moving_order(directory, waiting):
        with storage_errors(directory / name, "Failed to move"):
            (directory / name).rename(directory / tag / name)
    sync_directory(directory / tag)
    sync_directory(directory)
    return tag


def _leftovers(directory: Path) -> dict[str, os.stat_result]:
    """The plain files of a table's directory, if any of them has a name that the predecessor used."""
    found = {name: status for name, status in _files(directory).items() if not name.startswith(layout.OWN_PREFIX)}
    if any(layout.is_schema_file(name) or name == _archive(directory) for name in found):
        return found
    return {}


def _files(directory: Path) -> dict[str, os.stat_result]:
    def regular() -> Iterator[tuple[str, os.stat_result]]:
        for entry in os.scandir(directory):
            if entry.is_file(follow_symlinks=False):
                yield entry.name, entry.stat(follow_symlinks=False)

    with storage_errors(directory, "Failed to list"):
        return dict(regular())


def _legacy_directories(directory: Path) -> set[str]:
    with storage_errors(directory, "Failed to list"):
        found = {entry.name for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)}
    return {name for name in found if layout.is_legacy_tag(name)}


def _archive(directory: Path) -> str:
    return layout.archive_name(directory.name, ARCHIVE_SUFFIX)


def _moving_order(directory: Path, files: dict[str, os.stat_result]) -> list[str]:
    """The file that gives its time comes last: the archive, or the youngest where there is none."""
    return sorted(files, key=lambda name: (name == _archive(directory), files[name].st_mtime_ns, name))


def _slot(directory: Path, files: dict[str, os.stat_result]) -> str:
    """The first legacy tag, from the files' time on, under which each of them has room."""
    decisive = files[_moving_order(directory, files)[-1]]
    moment = min(max(int(decisive.st_mtime), 1), _LAST_MOMENT)
    while any(os.path.lexists(directory / layout.legacy_tag(moment) / name) for name in files):
        moment += 1
    return layout.legacy_tag(moment)


def _describe(directory: Path, tag: str, location: Path, files: dict[str, os.stat_result]) -> LegacyBackup:
    name = _archive(directory)
    archive = location / name if name in files else None
    return LegacyBackup(tag, location, archive, sum(status.st_size for status in files.values()))
