"""The repository and the state directory: not ours to write, another host's, on the wrong disk, or full."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.faults.commands import archives_begun, assert_error, finish, until
from tests.faults.harness import LARGE_BYTES, Station


KIBIBYTE = 1 << 10


@pytest.fixture
def no_snapshot(station: Station) -> Iterator[None]:
    """Holds that the node is never asked for a snapshot."""
    asked: list[bool] = []
    station.node.faults.set("rest POST", Fault("call", action=lambda: asked.append(True)))
    yield
    assert not asked


def resize(disk: Path, size_bytes: int) -> None:
    """Let a disk have that size from now on."""
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", disk], check=True)


@pytest.mark.usefixtures("no_snapshot")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("backups", ("Failed to write into", "/backups: Permission denied")),
        ("state", ("Failed to", "state", "Permission denied")),
    ],
)
def test_a_directory_that_may_not_be_written_is_named(station: Station, path: str, words: tuple[str, ...]) -> None:
    """Without the right to write into the repository or the state directory: 77, and no snapshot is asked for."""
    directory = station.directory / path
    modes = {each: each.stat().st_mode for each in (directory, *directory.glob("*/")) if each.is_dir()}
    for each in modes:
        each.chmod(0o500)
    try:
        result = station.run("backup", "users", privileged=False)
    finally:
        for each, mode in modes.items():
            each.chmod(mode)
    station.assert_failed(result, 77, *words, "change the path")


@pytest.mark.usefixtures("no_snapshot")
def test_a_repository_that_is_no_directory_is_told(station: Station, tmp_path: Path) -> None:
    """A file, or a directory below one, stands where the repository should be: 69."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        changes = {"repository.local.path": str(path)}
        station.assert_refused("users", 69, str(tmp_path / "file"), "change the path", settings=changes)


@pytest.mark.usefixtures("no_snapshot")
def test_another_hosts_repository_is_refused(station: Station, tmp_path: Path) -> None:
    """Two hosts never write into one repository: 78, and both are named."""
    with Sandbox(directory=tmp_path / "node") as node:
        other = Station(node, tmp_path)
        other.create("users")
        other.back_up("users")
    words = (str(other.backups), str(node.catalog.host_id), str(station.node.catalog.host_id), "{host_id}")
    station.assert_refused("users", 78, *words, settings={"repository.local.path": str(other.backups)})
    other.assert_sound()


@pytest.mark.usefixtures("no_snapshot")
def test_a_repository_on_the_disk_of_the_data_is_refused(station: Station, tmp_path: Path) -> None:
    """A disk that dies must not take the backups with it: 78 unless allowed, and nothing is made there."""
    path = tmp_path / "backups"
    changes = {"repository.local.path": str(path), "repository.local.allow_same_disk": "false"}
    station.assert_refused("users", 78, str(path), "repository.local.allow_same_disk", settings=changes)
    assert not path.exists()


@pytest.mark.usefixtures("no_snapshot")
def test_too_little_space_is_seen_before_anything_is_done(station: Station) -> None:
    """What would cross the floor isn't begun: 1, with what is needed, what is free, and what has to stay free."""
    words = ("Not enough space on the disk of", "table 'users'", "limits.min_free_space")
    station.assert_refused("users", 1, *words, settings={"limits.min_free_space": "900TiB"})


def test_a_disk_that_fills_up_in_the_middle(station: Station, small_disk: Path) -> None:
    """No space is left while the archive is written: 1 in the predecessor's words, and the former backup is whole."""
    path = {"repository.local.path": str(small_disk / "backups")}
    name = station.create_large()
    assert station.run("backup", "users", settings=path).returncode == 0
    process = station.start("backup", "users", name, settings=path)
    until(lambda: archives_begun(small_disk / "backups", name))
    resize(small_disk, shutil.disk_usage(small_disk).used + 128 * KIBIBYTE)
    result = finish(process)
    resize(small_disk, LARGE_BYTES * 2)
    assert_error(result, 3, "No space left on device", f"{name}_backup.tar.gz", "Free up disk space")
    station.assert_clean()
    assert not list((small_disk / "backups").glob("~tmp-*"))
    verified = station.run("verify", "--deep", settings=path)
    assert verified.returncode == 0
    assert verified.stdout.count(" ok ") == 2


def test_a_state_directory_that_is_full_takes_no_snapshot(station: Station, small_disk: Path) -> None:
    """Without a journal no snapshot is asked for: 1."""
    (small_disk / "locks").mkdir()
    resize(small_disk, 64 * KIBIBYTE)
    (small_disk / "other").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    result = station.run("backup", "users", settings={"state.directory": str(small_disk)})
    assert_error(result, 1, "journal of snapshots", "No space left on device")
    station.assert_clean()
