"""What only a directory has to promise as a storage: rights, links, what dead processes leave, full disks."""

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backup_core.errors import StorageError, StorageFullError
from backup_core.repository.storage.local import LocalStorage
from backup_core.repository.storage.protocol import Content
from tests.storage_samples import MIB, keys, noise, stored, streamed


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[LocalStorage]:
    """A storage with one object, in a directory that it has made for it."""
    storage = LocalStorage(tmp_path / "disk" / "objects")
    storage.put("users/a", Content.of(b"a"))
    yield storage
    storage.close()


def test_only_this_user_reads_it(storage: LocalStorage) -> None:
    """Directories and files are for the user who made them alone, and nothing else lies there."""
    root = Path(storage.address)
    storage.close()
    found = {path.relative_to(root.parent): path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert found == {Path("objects"): 0o700, Path("objects/users"): 0o700, Path("objects/users/a"): 0o600}


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    """The administrator may keep objects on another disk by a link."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "objects").symlink_to("disk")
    LocalStorage(tmp_path / "objects").put("users/a", Content.of(b"a"))
    assert (tmp_path / "disk/users/a").read_bytes() == b"a"


def test_planted_links_are_not_followed(storage: LocalStorage, tmp_path: Path) -> None:
    """What somebody has linked into the tree is neither read, written, removed nor listed through."""
    outside, root = tmp_path / "outside", Path(storage.address)
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (root / "linked").symlink_to(outside)
    (root / "users/linked").symlink_to(outside / "secret")
    refused: tuple[Callable[[], object], ...] = (
        lambda: stored(storage, "linked/secret"),
        lambda: stored(storage, "users/linked"),
        lambda: storage.stat("linked/secret"),
        lambda: storage.stat("users/linked"),
        lambda: storage.put("linked/new", Content.of(b"x")),
        lambda: storage.delete(["linked/secret"]),
        lambda: keys(storage, "linked/"),
    )
    for ask in refused:
        with pytest.raises(StorageError, match="link|no file"):
            ask()
    assert keys(storage) == ["users/a"]
    assert list(storage.folders("")) == ["users"]
    storage.put("users/linked", Content.of(b"ours"))
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("secret", "secret")]
    assert stored(storage, "users/linked") == b"ours"


def test_a_planted_pipe_keeps_nobody_waiting(storage: LocalStorage) -> None:
    """A pipe under the name of an object is refused at once."""
    os.mkfifo(Path(storage.address, "users/pipe"))
    with pytest.raises(StorageError, match="no file"):
        stored(storage, "users/pipe")
    assert keys(storage) == ["users/a"]


def test_what_a_killed_put_left_is_removed(storage: LocalStorage) -> None:
    """A process killed in the middle of a put leaves a temporary file, which the next one removes, and no object."""
    script = (
        "import os, pathlib, signal, sys\n"
        "from backup_core.repository.storage.local import LocalStorage\n"
        "from backup_core.repository.storage.protocol import Content\n"
        "def blocks():\n    yield bytes(100000)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "LocalStorage(pathlib.Path(sys.argv[1])).put('users/b', Content(blocks, 200000))\n"
    )
    assert subprocess.run([sys.executable, "-c", script, storage.address], check=False).returncode == -9
    root = Path(storage.address)
    assert len(list(root.glob("~tmp-*"))) == 2
    assert keys(storage) == ["users/a"]
    removed = storage.clear_up(NOW)
    assert len(removed) == 1
    assert [path.name for path in root.glob("~tmp-*")] != list(removed)
    storage.put("users/b", Content.of(b"b"))
    assert stored(storage, "users/b") == b"b"


def test_a_put_that_lives_is_not_cleared_up(storage: LocalStorage) -> None:
    """What another storage is writing at this moment stays when this one clears up."""
    begun, may_end = threading.Event(), threading.Event()

    def blocks() -> Iterator[bytes]:
        yield b"beginning"
        begun.set()
        may_end.wait(30)
        yield b" and end"

    other = LocalStorage(Path(storage.address))
    writing = threading.Thread(target=other.put, args=("users/b", Content(blocks, 17)))
    writing.start()
    assert begun.wait(30)
    assert storage.clear_up(NOW) == ()
    may_end.set()
    writing.join(30)
    other.close()
    assert stored(storage, "users/b") == b"beginning and end"


def test_a_full_disk_is_told_and_leaves_nothing(storage: LocalStorage) -> None:
    """Where there is no room, the error says so, exit code 1, and the half-written file is gone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, hard))
    try:
        with pytest.raises(StorageFullError, match="objects") as caught:
            storage.put("users/b", streamed(noise(2 * MIB)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 1
    assert keys(storage) == ["users/a"]
    assert [path.name for path in Path(storage.address).rglob("*") if path.is_file() and path.stat().st_size] == ["a"]


def test_a_file_in_the_way_of_a_folder_is_told(storage: LocalStorage) -> None:
    """An object can't have another's key for its folder: the error names what is in the way."""
    with pytest.raises(StorageError, match="stands in the way"):
        storage.put("users/a/b", Content.of(b"x"))
    assert stored(storage, "users/a") == b"a"
