"""`copy`: from archives into an encrypted repository and back, on a machine without a node."""

import json
import tarfile
from pathlib import Path

import pytest
from pyrage import x25519

from tests.conftest import Cli
from tests.load_samples import contents_of
from tests.repository_backups import HOST_ID, TAG, USERS, opened, publish


pytestmark = pytest.mark.usefixtures("settings_file")

IDENTITY = x25519.Identity.generate()
OTHER_TAG = "1733313019"
TO_OFFSITE = ("--from", "local", "--to", "offsite")


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """Settings with archives, an encrypted repository, and no node; the archives have two backups."""
    encrypted = f'mode = "incremental"\nencrypt_to = ["{IDENTITY.to_public()}"]'
    sections = {
        "repository.local": 'path = "backups"',
        "repository.offsite": f'path = "offsite/{{host_id}}"\n{encrypted}',
        "repository.third": 'path = "third"',
        "limits": 'min_free_space = "0"',
        "state": 'directory = "state"',
    }
    path = tmp_path / "settings.toml"
    path.write_text("\n".join(f"[{name}]\n{lines}\n" for name, lines in sections.items()))
    (tmp_path / "identity").write_text(f"{IDENTITY}\n")
    for tag in (TAG, OTHER_TAG):
        publish(opened(tmp_path / "backups"), tmp_path / "data", tag=tag)
    return path


def test_there_and_back(tmp_path: Path, cli: Cli) -> None:
    """What a repository lacks is copied once; whoever has the key gets the same files out of what came back."""
    result = cli("copy", "users", *TO_OFFSITE, "--json")
    assert result.returncode == 0, result.stderr
    newest, oldest = json.loads(result.stdout)
    assert [(each["tag"], each["result"]) for each in (newest, oldest)] == [(OTHER_TAG, "copied"), (TAG, "copied")]
    assert newest["location"].startswith(f"{tmp_path}/offsite/{HOST_ID}/users/")
    again = cli("copy", "--all", *TO_OFFSITE)
    assert (again.returncode, again.stdout.count("there already")) == (0, 2)
    back = ("copy", "users", TAG, "--from", "offsite", "--to", "third")
    refused = cli(*back)
    assert (refused.returncode, refused.stderr.count("ERROR")) == (77, 1)
    assert "is encrypted" in refused.stderr
    assert cli(*back, "--identity", "identity").returncode == 0
    with tarfile.open(tmp_path / "third" / "users" / TAG / "users_backup.tar.gz") as archive:
        archive.extractall(tmp_path / "out", filter="data")
    snapshot = tmp_path / "data" / USERS.keyspace / USERS.directory_name / "snapshots" / TAG
    assert contents_of(tmp_path / "out") == contents_of(snapshot)
    assert list((tmp_path / "state" / "spool").iterdir()) == []


def test_what_cannot_be_copied(tmp_path: Path, cli: Cli) -> None:
    """A damaged backup that is asked for by its tag is a failure of one line; so is a repository that isn't there."""
    archive = tmp_path / "backups" / "users" / TAG / "users_backup.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-1])
    one = cli("copy", "users", TAG, *TO_OFFSITE)
    assert (one.returncode, one.stderr.count("ERROR")) == (1, 1)
    assert "users/1733313018 in local is damaged: archive has" in one.stderr
    rest = cli("copy", "users", *TO_OFFSITE)
    assert rest.returncode == 0, rest.stderr
    assert ("copied" in rest.stdout, "left out" in rest.stdout) == (True, True)
    missing = cli("copy", "users", "--from", "local", "--to", "offside")
    assert (missing.returncode, len(missing.stderr.splitlines())) == (10, 1)
    for wrong in (("copy", *TO_OFFSITE), ("copy", "users", "--from", "local", "--to", "local")):
        assert cli(*wrong).returncode == 2
