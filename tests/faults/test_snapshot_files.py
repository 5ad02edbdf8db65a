"""The files of a snapshot: not there, not readable, not whole, not what they were."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.faults import Fault
from tests.faults.commands import assert_error
from tests.faults.harness import SNAPSHOTS, Station


DAMAGES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no-manifest": (lambda path: (path / "manifest.json").rename(path / "renamed"), ("manifest.json is missing",)),
    "bad-manifest": (lambda path: (path / "manifest.json").write_text("{"), ("manifest.json is no manifest",)),
    "no-summary": (lambda path: next(path.glob("*-Summary.db")).rename(path / "other"), ("-Summary.db is gone",)),
    "no-files": (lambda path: [file.rename(path / "other") for file in path.glob("me-*")], ("no-files", "-TOC.txt")),
    "no-snapshot": (shutil.rmtree, ("no-snapshot", "manifest.json is missing")),
}
"""What happens to a table's snapshot after it was taken, and what is then told."""


def snapshot_of(station: Station, table: str) -> list[Path]:
    """The snapshot of a table, without those of its views; none yet, or one."""
    return [path for path in station.snapshots() if path.parents[1].name == f"{table}-{station.table(table).id.hex}"]


def test_wrong_data_directories_are_named(station: Station, tmp_path: Path) -> None:
    """`node.data_dirs` leads elsewhere: 1 with the directory that should be there, and the snapshot is cleared."""
    words = (f"Snapshot directory {tmp_path}/alternator_users/users-", "node.data_dirs")
    station.assert_refused("users", 1, *words, settings={"node.data_dirs": f'["{tmp_path}"]'})


def test_data_directories_that_are_not_there_are_named(station: Station, tmp_path: Path) -> None:
    """`node.data_dirs` names nothing that exists: 1 before any snapshot is asked for."""
    station.node.faults.set(f"rest POST {SNAPSHOTS}", Fault("error", (500, "it was asked for")))
    missing = tmp_path / "nowhere"
    words = (f"The data directory {missing} does not exist.", "node.data_dirs")
    station.assert_refused("users", 1, *words, settings={"node.data_dirs": f'["{missing}"]'})


@pytest.mark.parametrize("hidden", ["", "snapshots"], ids=["table", "snapshots"])
def test_files_that_may_not_be_read_are_told(station: Station, hidden: str) -> None:
    """Without the right to read the node's files a backup ends with 77, and says which group may."""
    station.create("hidden")
    (directory,) = {path.parent / hidden for path in station.live_files("hidden", "-Data.db")}
    directory.mkdir(exist_ok=True)
    mode = directory.stat().st_mode
    directory.chmod(0o000)
    try:
        result = station.run("backup", "hidden", privileged=False)
    finally:
        directory.chmod(mode)
    station.assert_failed(result, 77, str(directory), "in the group", "scylla")


def test_a_snapshot_that_may_not_be_read_is_cleared_all_the_same(station: Station) -> None:
    """Where the snapshot itself turns out to be unreadable, 77, and the node clears it."""
    station.create("hidden")

    def hide() -> None:
        for path in snapshot_of(station, "hidden"):
            (path / "manifest.json").chmod(0o000)

    station.node.faults.set(f"rest POST {SNAPSHOTS}", Fault("call", action=hide), containing="cf=orders")
    result = station.run("backup", "hidden", "orders", privileged=False)
    assert_error(result, 3, "manifest.json", "Permission denied", "in the group")
    station.assert_clean()


@pytest.mark.parametrize("station", ["6.2", "2026.1"], indirect=True)
def test_live_files_that_are_not_whole_are_named(station: Station) -> None:
    """The node's own SSTables lack a component, or have another digest than it should be: 1, and the file is named."""
    expected = {
        "no-index": ("no-index", "lacks me-", "-Index.db"),
        "no-data": ("no-data", "lacks me-", "-Data.db"),
        "no-toc": ("no-toc", "lacks me-", "-TOC.txt"),
        "damaged": ("-Data.db has CRC-32", "Digest.crc32 says", "check its disk, repair the table"),
        "bad-digest": ("-Digest.crc32", "no CRC-32"),
    }
    station.create(*expected)
    for table, component in {"no-index": "Index.db", "no-data": "Data.db", "no-toc": "TOC.txt"}.items():
        (path,) = station.live_files(table, f"-{component}")
        path.unlink()
    (data,) = station.live_files("damaged", "-Data.db")
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    (digest,) = station.live_files("bad-digest", "-Digest.crc32")
    digest.write_text("not a number")
    station.assert_all_failed(station.run("backup", *expected), 1, expected)


def test_a_snapshot_that_is_not_whole_is_not_stored(station: Station) -> None:
    """What vanishes from a snapshot before it is stored ends its backup with 1 and is named."""
    station.create(*DAMAGES, "no-sstable")

    def damage() -> None:
        for table, (action, _) in DAMAGES.items():
            action(*snapshot_of(station, table))

    # All others have their snapshots by then.
    station.node.faults.set(f"rest POST {SNAPSHOTS}", Fault("call", action=damage), containing="cf=no-sstable")
    for path in station.live_files("no-sstable", ""):
        if path.is_file():
            path.unlink()
    expected = {table: words for table, (_, words) in DAMAGES.items()} | {"no-sstable": ("lacks SSTable me-",)}
    station.assert_all_failed(station.run("backup", *expected), 1, expected)
