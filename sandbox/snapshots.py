"""Snapshots as directories: `<keyspace>/<table>-<32 hex>/snapshots/<tag>/`, made, listed and removed on disk.

The disk is all there is to know: a snapshot that somebody made or removed by hand counts.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.sstables import write_file


SNAPSHOTS = "snapshots"

_BLOCK_SIZE_BYTES = 4096
_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class SnapshotDetails:
    """One column family's part of a snapshot.

    Attributes:
        tag: the snapshot's name.
        keyspace, name: the column family's.
        total_bytes: allocated size of its SSTables.
        live_bytes: how much of that would be freed by removing it: what the table itself no longer has.
    """

    tag: str
    keyspace: str
    name: str
    total_bytes: int
    live_bytes: int


def snapshot_path(directory: Path, tag: str) -> Path:
    """Where a column family's snapshot is. The tag becomes part of the path as it is.

    Raises:
        ValueError: it has a slash: it would end elsewhere, where the server may write but the sandbox must not.
    """
    if "/" in tag:
        raise ValueError(f"the sandbox makes no snapshot outside of its directory: {tag}")
    return directory / SNAPSHOTS / tag


def link_snapshot(directory: Path, tag: str, files: Sequence[Path], schema: str, manifest: str) -> None:
    """Make a snapshot of the column family in a directory: links of its files, then schema.cql, then manifest.json.

    Files that are there already and are the same stay, like the server has it.

    Raises:
        OSError: a file can't be linked or written; what was made until then stays, without a manifest.
    """
    target = snapshot_path(directory, tag)
    target.mkdir(parents=True, exist_ok=True)
    for path in files:
        link = target / path.name
        if not (link.exists() and link.samefile(path)):
            os.link(path, link)
    write_file(target / "schema.cql", schema.encode())
    write_file(target / "manifest.json", manifest.encode())


def list_snapshots(root: Path) -> Iterator[SnapshotDetails]:
    """All snapshots below a data directory, also those of dropped tables, in the disk's order.

    Hidden directories aren't looked into: tables whose names start with a dot are never listed.
    """
    for keyspace in _visible_directories(root):
        for directory in _visible_directories(keyspace):
            snapshots = directory / SNAPSHOTS
            for snapshot in _visible_directories(snapshots) if snapshots.is_dir() else ():
                yield _details(keyspace.name, directory, snapshot)


def delete_snapshots(
    root: Path, tag: str, keyspaces: Sequence[str], name: str, exists: Callable[[str, str], bool]
) -> None:
    """Remove snapshots below a data directory, and the directories of dropped tables that then hold none.

    Args:
        root: the data directory.
        tag: of that name only; all of them if empty.
        keyspaces: of these only; of all if there are none.
        name: of column families whose directory's name starts with that and a hyphen; of all if empty.
        exists: whether the column family of a keyspace and a directory's name still exists.
    """
    for keyspace in _directories(root):
        if keyspaces and keyspace.name not in keyspaces:
            continue
        for directory in _directories(keyspace):
            if not name or directory.name.startswith(f"{name}-"):
                _delete_in(directory, tag)
                if not exists(keyspace.name, directory.name):
                    remove_unless_snapshots(directory)


def remove_unless_snapshots(directory: Path) -> None:
    """Remove all of a dropped column family's directory but its snapshots; all of it, if it has none."""
    snapshots = directory / SNAPSHOTS
    if not snapshots.is_dir() or not any(snapshots.iterdir()):
        shutil.rmtree(directory)
        return
    for path in directory.iterdir():
        if path.name == SNAPSHOTS:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _details(keyspace: str, directory: Path, snapshot: Path) -> SnapshotDetails:
    sizes = [
        (_allocated_bytes(path), (directory / path.name).exists())
        for path in snapshot.iterdir()
        if path.name not in {"manifest.json", "schema.cql"} and not path.name.startswith(".")
    ]
    return SnapshotDetails(
        snapshot.name,
        keyspace,
        directory.name[: -_ID_LENGTH - 1],
        sum(size for size, _ in sizes),
        sum(size for size, shared in sizes if not shared),
    )


def _delete_in(directory: Path, tag: str) -> None:
    snapshots = directory / SNAPSHOTS
    if not snapshots.is_dir():
        return
    if not tag:
        shutil.rmtree(snapshots)
        return
    for snapshot in _directories(snapshots):
        if snapshot.name == tag:
            shutil.rmtree(snapshot)


def _allocated_bytes(path: Path) -> int:
    """Whole blocks, computed: file systems differ in what they allocate."""
    return -(-path.stat().st_size // _BLOCK_SIZE_BYTES) * _BLOCK_SIZE_BYTES


def _directories(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir()]


def _visible_directories(parent: Path) -> list[Path]:
    return [path for path in _directories(parent) if not path.name.startswith(".")]
