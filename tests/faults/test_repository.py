"""The repository and the state directory: not ours to write, another host's, on the wrong disk, or full."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.faults import Fault
from sandbox.node import Sandbox
from tests.faults.harness import SNAPSHOTS, Station, as_root, assert_error


MEBIBYTE = 1 << 20


@pytest.fixture
def no_snapshot(station: Station) -> Iterator[None]:
    """Holds that the node is never asked for a snapshot."""
    asked: list[bool] = []
    station.node.faults.set("rest POST", Fault("call", action=lambda: asked.append(True)))
    yield
    assert not asked


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not as_root():
        pytest.skip("only root can mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.usefixtures("no_snapshot")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("backups", ("Failed to create backup folder", "backups", "Permission denied")),
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
        result = station.run("backup", "users", repository__local__path=str(path))
        station.assert_failed(result, 69, str(tmp_path / "file"), "repository.local.path")


@pytest.mark.usefixtures("no_snapshot")
def test_another_hosts_repository_is_refused(station: Station, tmp_path: Path) -> None:
    """Two hosts never write into one repository: 78, and both are named."""
    with Sandbox(directory=tmp_path / "node") as node:
        other = Station(node, tmp_path)
        other.create("users")
        other.back_up("users")
    result = station.run("backup", "users", repository__local__path=str(other.backups))
    hosts = (str(node.catalog.host_id), str(station.node.catalog.host_id))
    station.assert_failed(result, 78, str(other.backups), *hosts, "{host_id}")
    other.assert_sound()


@pytest.mark.usefixtures("no_snapshot")
def test_a_repository_on_the_disk_of_the_data_is_refused(station: Station, tmp_path: Path) -> None:
    """A disk that dies must not take the backups with it: 78 unless allowed, and nothing is made there."""
    path = tmp_path / "backups"
    changes = {"repository__local__path": str(path), "repository__local__allow_same_disk": "false"}
    station.assert_failed(station.run("backup", "users", **changes), 78, str(path), "repository.local.allow_same_disk")
    assert not path.exists()


@pytest.mark.usefixtures("no_snapshot")
def test_too_little_space_is_seen_before_anything_is_done(station: Station) -> None:
    """What would cross the floor isn't begun: 1, with what is needed, what is free, and what has to stay free."""
    result = station.run("backup", "users", limits__min_free_space="900TiB")
    station.assert_failed(result, 1, "Not enough space on the disk of", "table 'users'", "limits.min_free_space")


def test_a_disk_that_fills_up_in_the_middle(station: Station, small_disk: Path) -> None:
    """No space is left while the archive is written: 1 in the predecessor's words, and the former backup is whole."""
    path = {"repository__local__path": str(small_disk / "backups")}
    station.create("large")
    (data,) = station.live_files("large", "-Data.db")
    assert station.run("backup", "large", **path).returncode == 0
    data.write_bytes(os.urandom(6 * MEBIBYTE))

    def fill() -> None:
        (small_disk / "other").write_bytes(bytes(3 * MEBIBYTE))

    station.node.faults.set(f"rest POST {SNAPSHOTS}", Fault("call", action=fill))
    result = station.run("backup", "large", **path)
    (small_disk / "other").unlink()
    station.assert_failed(result, 1, "No space left on device", "large_backup.tar.gz", "Free up disk space")
    assert not list((small_disk / "backups").glob("~tmp-*"))
    verified = station.run("verify", "--deep", **path)
    assert verified.returncode == 0
    assert verified.stdout.count(" ok ") == 1


def test_a_state_directory_that_is_full_takes_no_snapshot(station: Station, small_disk: Path) -> None:
    """Without a journal no snapshot is asked for: 1."""
    (small_disk / "locks").mkdir()
    (small_disk / "other").write_bytes(bytes(7 * MEBIBYTE))
    with (small_disk / "rest").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    result = station.run("backup", "users", state__directory=str(small_disk))
    assert_error(result, 1, "journal of snapshots", "No space left on device")
    station.assert_clean()
