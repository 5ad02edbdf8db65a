"""install.sh, into a directory, and on a machine of its own."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.settings_file import load_settings
from tests.conftest import clean_environment
from tests.documents import ROOT
from tests.e2e.own_machine import run_on_own_machine
from tests.e2e.terminal import on_terminal


INSTALL = ROOT / "deploy" / "systemd" / "install.sh"
REPOSITORY = "/mnt/backup/scylla"
SETTINGS = "etc/alternator-backup/settings.toml"
PATHS = "etc/systemd/system/alternator-backup.service.d/10-paths.conf"

WRONG_USAGE = 2


def install(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call install.sh for a directory, without a terminal."""
    return subprocess.run(
        [INSTALL, "--root", root, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(root),
        check=False,
    )


def environment(root: Path) -> dict[str, str]:
    """One in which the interpreter of the tests is used."""
    return clean_environment(root) | {"PYTHON": sys.executable}


def contents(root: Path) -> dict[str, str]:
    """Every file below a directory, with its text."""
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_everything_is_put_in_place(tmp_path: Path) -> None:
    """Settings that load and name the repository, units, users; nothing is run for another root, only told."""
    ended = install(tmp_path, "--repository", REPOSITORY)

    assert ended.returncode == 0, ended.stderr
    assert set(contents(tmp_path)) == {
        SETTINGS,
        PATHS,
        "etc/systemd/system/alternator-backup.service",
        "etc/systemd/system/alternator-backup-failure@.service",
        "etc/sysusers.d/alternator-backup.conf",
        "etc/tmpfiles.d/alternator-backup.conf",
    }
    assert load_settings(tmp_path / SETTINGS).repository["local"].path == Path(REPOSITORY)
    assert {line.split()[2] for line in ended.stdout.splitlines() if line.startswith("would run:")} == {
        "systemd-sysusers",
        "systemd-tmpfiles",
        "install",
        "systemctl",
    }


def test_drills_come_with_units_of_roots(tmp_path: Path) -> None:
    """They may write where the settings have data; a later call keeps them up to date, --uninstall takes them away."""
    install(tmp_path, "--repository", REPOSITORY)
    settings = f'repository.local.path = "{REPOSITORY}"\nnode.data_dirs = ["/srv/scylla/data"]\n'
    (tmp_path / SETTINGS).write_text(settings)

    assert "alternator-backup-drill.path" in install(tmp_path, "--with-drills").stdout
    units = tmp_path / "etc/systemd/system"
    allowed = (units / "alternator-backup-restore@.service.d" / "10-paths.conf").read_text()
    assert re.findall(r'^ReadWritePaths="(.*)"$', allowed, re.MULTILINE) == [REPOSITORY, "/srv/scylla"]
    (units / "alternator-backup-drill.path").write_text("old")
    install(tmp_path)
    assert "PathExists" in (units / "alternator-backup-drill.path").read_text()

    (tmp_path / SETTINGS).write_text(settings + 'state.directory = "/srv/state"\n')
    assert "need state.directory to be /var/lib/alternator-backup" in install(tmp_path).stderr
    install(tmp_path, "--uninstall")
    assert [*units.rglob("*drill*"), *units.rglob("*restore*")] == []


@pytest.mark.parametrize("path", ["/mnt/back up/50%", "/mnt/a&b|c", "/mnt/données"])
def test_any_path_gets_into_settings_and_unit(tmp_path: Path, path: str) -> None:
    """What means something to sed or systemd means nothing in a path, and systemd understands the result."""
    ended = install(tmp_path, "--repository", path)

    assert ended.returncode == 0, ended.stderr
    assert load_settings(tmp_path / SETTINGS).repository["local"].path == Path(path)
    drop_in = (tmp_path / PATHS).read_text()
    written = path.replace("%", "%%")
    assert f'RequiresMountsFor="{written}"\n' in drop_in
    assert f'ReadWritePaths="{written}"\n' in drop_in
    assert understood(tmp_path / "etc/systemd/system")


def understood(units: Path) -> bool:
    """Whether systemd, where it is installed, finds no fault with the service but that its program isn't there."""
    if shutil.which("systemd-analyze") is None:
        return True
    unit = units / "alternator-backup.service"
    unit.write_text(re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE))
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    return (found.returncode, found.stderr) == (0, "")


def test_running_it_twice_changes_nothing(tmp_path: Path) -> None:
    """The second time needs no repository, and leaves each file as it was."""
    install(tmp_path, "--repository", REPOSITORY)
    before = contents(tmp_path)

    ended = install(tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert contents(tmp_path) == before


def test_edited_settings_stay_and_the_unit_follows_them(tmp_path: Path) -> None:
    """Every directory that they make the service write is allowed in the unit; a node's id is above what is known."""
    install(tmp_path, "--repository", REPOSITORY)
    edited = """
    repository.local.path = "/mnt/{hostname}/backups"
    repository.second.path = "/mnt/second/{host_id}/backups"
    repository.beside.path = "backups"
    state.directory = "/srv/state"
    log.file = "/var/log/backup/alternator_backup.log"
    """
    (tmp_path / SETTINGS).write_text(edited)

    ended = install(tmp_path, "--repository", "/mnt/elsewhere")

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / SETTINGS).read_text() == edited
    assert "it doesn't name /mnt/elsewhere" in ended.stdout
    assert re.findall(r'^ReadWritePaths="(.*)"$', (tmp_path / PATHS).read_text(), re.MULTILINE) == [
        f"/mnt/{socket.gethostname()}/backups",
        "/mnt/second",
        "/etc/alternator-backup/backups",
        "/srv/state",
        "/var/log/backup",
    ]


def test_broken_settings_are_told_and_kept(tmp_path: Path) -> None:
    """Without knowing the directories there would be a service that can write nowhere."""
    install(tmp_path, "--repository", REPOSITORY)
    (tmp_path / SETTINGS).write_text("[repository.local\n")

    ended = install(tmp_path)

    assert ended.returncode == 1
    assert "settings.toml is no TOML" in ended.stderr
    assert (tmp_path / SETTINGS).read_text() == "[repository.local\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--repository", "backups"),
        ("--repository", "/home/me/backups"),
        ("--repository", "/tmp/backups"),  # noqa: S108  (refused)
        ("--repository", "/"),
        ("--repository", '/mnt/"quoted"'),
        ("--repository", "/mnt/two\nlines"),
        ("--repository",),
        ("--repository", REPOSITORY, "--purge"),
        ("--quickly",),
    ],
    ids=" ".join,
)
def test_wrong_usage_changes_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Without a terminal nothing is asked; a directory that the service couldn't write is refused."""
    ended = install(tmp_path, *arguments)

    assert ended.returncode == WRONG_USAGE
    assert ended.stderr.startswith("install.sh: ")
    assert contents(tmp_path) == {}


def test_the_repository_is_asked_for_on_a_terminal(tmp_path: Path) -> None:
    """The answer counts as the option does."""
    with on_terminal([str(INSTALL), "--root", str(tmp_path)], environment(tmp_path)) as terminal:
        terminal.answer("on another disk than ScyllaDB's data: ", REPOSITORY)
        terminal.wait_for("Done.")
        assert terminal.wait() == 0
    assert load_settings(tmp_path / SETTINGS).repository["local"].path == Path(REPOSITORY)


def test_uninstall_keeps_what_is_the_operators(tmp_path: Path) -> None:
    """Settings, state, backups, and drop-ins and commands of the operator's own stay; twice is no error."""
    install(tmp_path, "--repository", REPOSITORY)
    settings = (tmp_path / SETTINGS).read_text()
    kept = {SETTINGS: settings}
    for name in (PATHS.replace("10-paths", "override"), "var/lib/alternator-backup/state", f"{REPOSITORY[1:]}/file"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
        kept[name] = "mine"

    environment_of_its_own = tmp_path / "opt/alternator-backup"
    environment_of_its_own.mkdir(parents=True)
    (environment_of_its_own / "pyvenv.cfg").touch()
    commands = tmp_path / "usr/local/bin"
    commands.mkdir(parents=True)
    (commands / "alternator-backup").symlink_to("/opt/alternator-backup/bin/alternator-backup")
    (commands / "baskup").symlink_to("/opt/mine/baskup")

    for _ in range(2):
        assert install(tmp_path, "--uninstall").returncode == 0

    assert contents(tmp_path) == kept
    assert not environment_of_its_own.exists()
    assert [path.name for path in commands.iterdir()] == ["baskup"]


def test_purge_takes_all_but_backups(tmp_path: Path) -> None:
    """Settings, credentials and state go; nothing ever takes backups but prune and forget."""
    install(tmp_path, "--repository", REPOSITORY)
    backup = f"{REPOSITORY[1:]}/file"
    for name in ("var/lib/alternator-backup/history.db", "etc/alternator-backup/credentials/cql__password", backup):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")

    ended = install(tmp_path, "--uninstall", "--purge")

    assert ended.returncode == 0, ended.stderr
    assert set(contents(tmp_path)) == {backup}


def test_snapshots_that_are_still_held_are_not_forgotten(tmp_path: Path) -> None:
    """Only the journal in the state directory knows of them, so it isn't purged."""
    install(tmp_path, "--repository", REPOSITORY)
    entry = tmp_path / "var/lib/alternator-backup/snapshots/1733313018-0123.json"
    entry.parent.mkdir(parents=True)
    entry.write_text("{}")
    before = contents(tmp_path)

    ended = install(tmp_path, "--uninstall", "--purge")

    assert ended.returncode == 1
    assert "still on the node" in ended.stderr
    assert contents(tmp_path) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="tried as root, on a machine of its own")
@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd isn't installed")
def test_a_machine_gets_user_and_directories(tmp_path: Path) -> None:
    """The service's user owns state and repository, and may read, not write, the settings."""
    script = f"""
    {INSTALL} --no-venv --repository /srv/backups >&2
    stat -c '%n %U:%G %a' /srv/backups /var/lib/alternator-backup /etc/alternator-backup/*
    id -Gn alternator-backup
    {INSTALL} --uninstall --purge >&2
    ls -d /srv/backups /etc/alternator-backup /etc/systemd/system/alternator* 2>/dev/null || true
    """
    if run_on_own_machine("true", tmp_path).returncode != 0:
        pytest.skip("this root may not mount")
    ended = run_on_own_machine(f"export PYTHON={sys.executable}\n{script}", tmp_path)

    assert ended.stdout.splitlines() == [
        "/srv/backups alternator-backup:alternator-backup 700",
        "/var/lib/alternator-backup alternator-backup:alternator-backup 750",
        "/etc/alternator-backup/credentials root:root 700",
        "/etc/alternator-backup/settings.toml root:alternator-backup 640",
        "alternator-backup scylla",
        "/srv/backups",
    ], ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_only_root_installs_on_the_machine_itself(tmp_path: Path) -> None:
    """Anybody else is told so, with the exit code for rights, before anything is done."""
    if run_on_own_machine("true", tmp_path).returncode != 0:
        pytest.skip("this root may not mount")
    ended = run_on_own_machine(f"runuser -u nobody -- {INSTALL}", tmp_path)
    assert (ended.returncode, ended.stderr.partition(":")[0]) == (77, "install.sh")
