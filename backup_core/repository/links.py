"""The predecessor's paths, as symbolic links to the newest backup.

    users/latest -> 1733313018
    users/table_schema.cql -> latest/table_schema.cql
    users/users_backup.tar.gz -> latest/users_backup.tar.gz

`latest` changes first, by one rename, and takes the others along; then links that are new come and those that lead
nowhere go. A crash in between leaves links that the next publication mends.
"""

import os
from pathlib import Path

from backup_core.durable import sync_directory
from backup_core.errors import StorageError
from backup_core.repository import layout
from backup_core.repository.staging import temporary_directory
from backup_core.storage_errors import storage_errors


def check_places(directory: Path) -> None:
    """Make sure that nothing stands where links will be but our own links and files that can be moved away.

    Raises:
        StorageError: if something does.
        BackupError: as the operating system refuses.
    """
    with storage_errors(directory, "Failed to list"):
        in_the_way = [entry.path for entry in os.scandir(directory) if _is_in_the_way(directory, entry)]
    if in_the_way:
        raise StorageError(
            f"{in_the_way[0]} is in the way of a link to the newest backup, and isn't ours", hint="Move it elsewhere."
        )


def update(root: Path, directory: Path, newest: Path | None) -> None:
    """Let the links of a table lead to its newest backup.

    Args:
        root: the repository, where links are prepared.
        directory: the table's.
        newest: the directory of its newest complete backup; None removes the links.

    Raises:
        BackupError: as the operating system refuses.
    """
    present = _own_links(directory)
    wanted = {} if newest is None else _wanted(directory, newest)
    changed = {name: target for name, target in wanted.items() if present.get(name) != target}
    stale = sorted(present.keys() - wanted.keys())
    if not changed and not stale:
        return
    check_places(directory)
    with temporary_directory(root, "links") as prepared, storage_errors(directory, "Failed to link"):
        for name, target in changed.items():
            (prepared / name).symlink_to(target)
            (prepared / name).rename(directory / name)
        for name in stale:
            (directory / name).unlink()
    sync_directory(directory)


def _wanted(directory: Path, newest: Path) -> dict[str, str]:
    with storage_errors(newest, "Failed to list"):
        names = sorted(entry.name for entry in os.scandir(newest) if _is_place(directory, entry.name))
    return {layout.LATEST: newest.name} | {name: f"{layout.LATEST}/{name}" for name in names}


def _own_links(directory: Path) -> dict[str, str]:
    with storage_errors(directory, "Failed to list"):
        links = {entry.name: _target(entry) for entry in os.scandir(directory) if entry.is_symlink()}
    return {name: target for name, target in links.items() if _is_place(directory, name) and _is_own(name, target)}


def _is_place(directory: Path, name: str) -> bool:
    return name == layout.LATEST or layout.is_schema_file(name) or layout.is_archive(directory.name, name)


def _is_own(name: str, target: str) -> bool:
    return layout.is_tag(target) if name == layout.LATEST else target == f"{layout.LATEST}/{name}"


def _is_in_the_way(directory: Path, entry: os.DirEntry[str]) -> bool:
    if not _is_place(directory, entry.name) or entry.is_file(follow_symlinks=False):
        return False
    return not (entry.is_symlink() and _is_own(entry.name, _target(entry)))


def _target(entry: os.DirEntry[str]) -> str:
    return os.fspath(Path(entry.path).readlink())
