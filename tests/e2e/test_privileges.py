"""Who commands run as when root calls them; the processes are real, and so are their users."""

import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.privileges import SERVICE_USER
from sandbox.node import Sandbox
from tests.conftest import COMMAND, settings_text
from tests.e2e.doctor import make_table
from tests.e2e.own_machine import run_on_own_machine


NOBODY = "nobody"
DROPPED = """
import json, os
from daemon.privileges import drop_to
drop_to("nobody")
try:
    os.setuid(0)
except PermissionError:
    back = False
else:
    back = True
print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), os.environ["HOME"], os.environ["USER"], back]))
"""

SERVICE = f"""
useradd --system --user-group --no-create-home --home-dir /var/lib/alternator-backup {SERVICE_USER}
install -d -o {SERVICE_USER} -g {SERVICE_USER} /var/lib/alternator-backup /srv/backups
install -d -m 0700 /etc/alternator-backup/credentials
install -m 0640 -g {SERVICE_USER} /srv/given/settings.toml /etc/alternator-backup/settings.toml
"""

COMMANDS = """
alternator-backup doctor
alternator-backup backup users
alternator-backup menu <<< 2
alternator-backup hold users "$(readlink /srv/backups/users/latest)"
alternator-backup verify --deep
printf x | dd of="$(echo /srv/backups/users/latest/users_backup.*)" bs=1 seek=40 conv=notrunc
! alternator-backup verify --deep
test -e /srv/backups/users/latest/damage.json
"""
DAEMON = """
alternator-backup run &
until test -e /srv/backups/users/latest && test -e /var/lib/alternator-backup/status.json; do sleep 0.1; done
kill %1
wait %1
alternator-backup prune --yes
alternator-backup forget users --yes
"""

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="needs mounts of its own"),
]


def on_machine(script: str, node: Sandbox, tmp_path: Path, **sections: str) -> subprocess.CompletedProcess[str]:
    """Run a script where the service's user exists, and the system's settings are those of `node`."""
    given = tmp_path / "given"
    given.mkdir()
    text = settings_text(node, tmp_path, **sections).replace("[node]", '[node]\ndata_dirs = ["/srv/data"]')
    text = text.replace(str(tmp_path / "backups"), "/srv/backups").replace(f'directory = "{tmp_path / "state"}"', "")
    (given / "settings.toml").write_text(text)
    own = tmp_path / "own"
    own.mkdir()
    mounts = {"/srv/data": node.data_directory, "/srv/given": given}
    if run_on_own_machine("true", own, mounts=mounts).returncode != 0:
        pytest.skip("this root may not mount")
    return run_on_own_machine(f"{SERVICE}\nPATH={COMMAND.parent}:$PATH\n{script}", own, mounts=mounts)


def test_a_dropped_process_is_somebody_else_for_good() -> None:
    """All ids and groups are the user's, its home is, and there is no way back."""
    user = pwd.getpwnam(NOBODY)
    ended = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True, check=True)
    uids, gids, groups, home, name, back = json.loads(ended.stdout)
    assert uids == [user.pw_uid] * 3
    assert gids == [user.pw_gid] * 3
    assert groups == os.getgrouplist(NOBODY, user.pw_gid)
    assert (home, name, back) == (user.pw_dir, NOBODY, False)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [COMMANDS, DAEMON], ids=["commands", "daemon"])
def test_nothing_that_root_calls_leaves_files_of_roots(node: Sandbox, tmp_path: Path, calls: str) -> None:
    """Repository and state belong to the service's user, down to the last lock, and nobody else may read the files."""
    make_table(node, "users")
    script = f"""
    (
        {calls}
        test -d /srv/backups && test -d /var/lib/alternator-backup/locks
    ) >&2
    find /srv/backups /var/lib/alternator-backup ! -user {SERVICE_USER}
    find /srv/backups /var/lib/alternator-backup -type f -perm /077
    """
    ended = on_machine(script, node, tmp_path, metrics='listen = ""', schedule__quick='every = "2s"')
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_secrets_that_only_root_may_read_still_count(tmp_path: Path) -> None:
    """They are read before the command becomes the service's user."""
    with Sandbox("6.2", directory=tmp_path / "node", authorization=True) as node:
        role = node.catalog.add_role("backup", "letmein")
        sections = {"alternator": 'access_key_id = "backup"', "cql": 'username = "backup"'}
        script = f"""
        cd /etc/alternator-backup/credentials
        install -m 0600 /dev/stdin alternator__secret_access_key <<< '{role.salted_hash}'
        install -m 0600 /dev/stdin cql__password <<< letmein
        alternator-backup doctor >&2
        """
        ended = on_machine(script, node, tmp_path, **sections)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("call", "owner"),
    [
        ("alternator-backup backup users", SERVICE_USER),
        ("alternator-backup --settings /etc/alternator-backup/settings.toml backup users", SERVICE_USER),
        ("ALTERNATOR_BACKUP_SETTINGS=/etc/alternator-backup/settings.toml baskup <<< 2", SERVICE_USER),
        ("alternator-backup --settings /srv/given/settings.toml backup users", "root"),
        ("(userdel alternator-backup; alternator-backup backup users)", "root"),
    ],
)
def test_root_drops_where_the_systems_settings_are_used(node: Sandbox, tmp_path: Path, call: str, owner: str) -> None:
    """With other settings, and where install.sh hasn't been, a command stays as it was called."""
    make_table(node, "users")
    ended = on_machine(f"{call} >&2; stat -c %U /srv/backups/users", node, tmp_path)
    assert ended.stdout.strip() == owner, ended.stderr
