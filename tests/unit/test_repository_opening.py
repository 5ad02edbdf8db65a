import json
import pickle
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backup_core.errors import (
    BackupError,
    ForeignRepositoryError,
    NotFoundError,
    PermissionDeniedError,
    StorageError,
)
from backup_core.events import DEBRIS_REMOVED
from tests.repository_backups import HOST_ID, TAG, USERS, RecordingReporter, names, opened, publish, repository, staged


OTHER_HOST = "11111111-2222-3333-4444-555555555555"


def test_first_use_makes_the_repository_and_says_whose_it_is(tmp_path: Path) -> None:
    """Opening a repository for the first time makes its directory, for the owner alone, and its marker."""
    path = tmp_path / "var/backups"
    marker = repository(path).open(HOST_ID, "Test Cluster")
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    content = json.loads((path / "~repository.json").read_bytes())
    assert content == {
        "format_version": 1,
        "mode": "archive",
        "repository_id": marker.repository_id,
        "cluster": "Test Cluster",
        "host_id": HOST_ID,
        "created_at": "2024-12-04T11:50:30.000005Z",
    }
    assert repository(path).open(HOST_ID, "renamed") == marker
    assert names(path) == {"~repository.json"}


def test_another_hosts_repository_is_refused(tmp_path: Path) -> None:
    """A node never writes into another one's repository, and is told how to have its own."""
    publish(opened(tmp_path), tmp_path / "data")
    with pytest.raises(ForeignRepositoryError, match=rf"belongs to host {HOST_ID}.*{{host_id}}") as refused:
        repository(tmp_path).open(OTHER_HOST, "Test Cluster")
    assert refused.value.exit_code == 78
    marker = repository(tmp_path).open_read_only()
    assert marker is not None
    assert marker.host_id == HOST_ID


@pytest.mark.parametrize("change", [{"format_version": 2}, {"mode": "incremental"}])
def test_other_formats_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """A repository of a newer format or another mode is neither written nor read."""
    opened(tmp_path)
    path = tmp_path / "~repository.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | change))
    for open_it in (lambda: repository(tmp_path).open(HOST_ID, None), repository(tmp_path).open_read_only):
        with pytest.raises(ForeignRepositoryError, match="format version . in .* mode; known here") as refused:
            open_it()
        assert refused.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format_version": 1, "mode": "archive"}'])
def test_an_unreadable_marker_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A damaged marker is never replaced by a new one."""
    (tmp_path / "~repository.json").write_bytes(content)
    with pytest.raises(StorageError, match=r"~repository\.json can't be read") as refused:
        repository(tmp_path).open(HOST_ID, None)
    assert refused.value.hint
    assert (tmp_path / "~repository.json").read_bytes() == content


def test_reading_creates_nothing(tmp_path: Path) -> None:
    """A repository that isn't there isn't made by looking at it."""
    with pytest.raises(NotFoundError, match=r"The repository local isn't there: .*/backups") as missing:
        repository(tmp_path / "backups").open_read_only()
    assert missing.value.exit_code == 10
    assert names(tmp_path) == set()


def test_a_file_in_the_place_of_a_repository_is_an_error(tmp_path: Path) -> None:
    """A path that is a file is neither read nor written."""
    (tmp_path / "backups").touch()
    with pytest.raises(StorageError, match=r"Failed to create backup folder .*/backups"):
        repository(tmp_path / "backups").open(HOST_ID, None)
    with pytest.raises(StorageError, match=r"Failed to create backup folder .*/backups/below"):
        repository(tmp_path / "backups/below").open(HOST_ID, None)
    with pytest.raises(BackupError):
        repository(tmp_path / "backups").open_read_only()


AS_NOBODY = """
import os, pickle, sys
from pathlib import Path
from tests.repository_backups import HOST_ID, TAG, USERS, repository, staged

if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
target = repository(Path(sys.argv[1]))
try:
    {action}
except Exception as error:
    sys.stdout.buffer.write(pickle.dumps(error))
"""


def refusal(path: Path, action: str) -> PermissionDeniedError:
    """The error in which something ends that a process without root's rights does to a repository."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY.format(action=action), str(path)],
        cwd=Path(__file__).parents[2],
        check=True,
        stdout=subprocess.PIPE,
    )
    error = pickle.loads(done.stdout)  # noqa: S301  (our own child wrote it)
    assert isinstance(error, PermissionDeniedError)
    return error


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that any user can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        path.chmod(0o755)


def test_a_path_that_this_user_may_not_write_is_named(reachable: Path) -> None:
    """A repository can't be made where this user may not write; the error says where and what to do."""
    reachable.chmod(0o555)
    error = refusal(reachable / "backups", "target.open(HOST_ID, None)")
    assert error.message == f"Failed to create backup folder {reachable}/backups: Permission denied"
    assert error.hint
    assert error.exit_code == 77


def test_a_repository_that_this_user_may_not_read_is_named(reachable: Path) -> None:
    """Somebody else's repository is an error, not an empty list."""
    publish(opened(reachable / "backups"), reachable / "data")
    (reachable / "backups").chmod(0o000)
    error = refusal(reachable / "backups", "target.backups()")
    assert f"{reachable}/backups" in error.message


def test_a_table_directory_that_this_user_may_not_write_is_noticed_first(reachable: Path) -> None:
    """Where root has run the predecessor, the table's directory is root's: no archive is written in vain."""
    (reachable / "backups/users").mkdir(parents=True)
    (reachable / "backups").chmod(0o777)
    (reachable / "backups/users").chmod(0o555)
    error = refusal(reachable / "backups", "target.open(HOST_ID, None); staged(target, USERS, TAG).__enter__()")
    assert error.message == f"Failed to write into {reachable}/backups/users: Permission denied"


def test_debris_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    """What a killed process was writing is removed and reported; backups and unknown things stay."""
    reporter = RecordingReporter()
    target = opened(tmp_path / "backups", reporter=reporter)
    publish(target, tmp_path / "data")
    (tmp_path / "backups/~other").mkdir()
    script = """
import os, signal, sys
from pathlib import Path
from tests.repository_backups import TAG, USERS, opened, staged
with staged(opened(Path(sys.argv[1])), USERS, "1733313099") as staging:
    staging.archive.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "backups")], cwd=root, check=False)
    (debris,) = names(tmp_path / "backups") - {"~repository.json", "~other", "users"}
    assert debris.startswith("~tmp-1733313099-")
    assert target.clear_up() == (debris,)
    assert reporter.events[-1] == (DEBRIS_REMOVED, {"repository": "local", "directory": debris})
    assert names(tmp_path / "backups") == {"~repository.json", "~other", "users"}
    assert len(target.backups()) == 1


def test_debris_without_its_lock_is_removed(tmp_path: Path) -> None:
    """A process that died between making its directory and locking it leaves debris, too."""
    target = opened(tmp_path)
    (tmp_path / "~tmp-x/content").mkdir(parents=True)
    assert target.clear_up() == ("~tmp-x",)


def test_what_a_living_process_writes_is_not_removed(tmp_path: Path) -> None:
    """Staging of another process, or of this one, stays until its writer is done."""
    target = opened(tmp_path)
    script = """
import sys
from pathlib import Path
from tests.repository_backups import USERS, opened, staged
with staged(opened(Path(sys.argv[1])), USERS, "1733313099"):
    print("staged", flush=True)
    sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"staged\n"
        with staged(target, USERS, TAG) as staging:
            assert target.clear_up() == ()
            assert staging.directory.is_dir()
        assert len(names(tmp_path)) == 2
        other.communicate(b"\n", timeout=30)
    assert names(tmp_path) == {"~repository.json"}
