"""The files in deploy/systemd, as systemd's own tools read them, and held against the code that they run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backup_core.errors import SettingsError
from daemon.cli import VERBS
from daemon.drill_requests import REQUEST, UNIT
from daemon.privileges import SERVICE_USER, UMASK
from daemon.settings_file import FILE_NAME, SYSTEM_DIRECTORY
from daemon.state import SYSTEM_STATE_DIRECTORY
from tests.documents import ROOT
from tests.settings_keys import SECRETS


DEPLOYED = ROOT / "deploy" / "systemd"
SERVICE = "alternator-backup.service"
FAILURE = "alternator-backup-failure@.service"
RESTORE = "alternator-backup-restore@.service"
DRILL_PATH = "alternator-backup-drill.path"
HARDENED_UMASK = "hardened-umask.conf"
MOST_EXPOSED = "20"
"""Tenths on systemd's scale from 0, safe, to 10."""
ROOTS_MOST_EXPOSED = "25"
"""Of the unit that has to become other users."""

UNIT_TEXT = (DEPLOYED / SERVICE).read_text()
TMPFILES_TEXT = (DEPLOYED / "alternator-backup.tmpfiles").read_text()

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd isn't installed")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")


def values(key: str, text: str = UNIT_TEXT) -> list[str]:
    """What the service's unit says for a key, or another one."""
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def rendered(directory: Path, *drop_ins: str) -> list[Path]:
    """Both units, with a program to start that is there."""
    service = directory / SERVICE
    service.write_text(re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", UNIT_TEXT, flags=re.MULTILINE))
    for drop_in in drop_ins:
        (directory / f"{SERVICE}.d").mkdir(exist_ok=True)
        shutil.copy(DEPLOYED / drop_in, directory / f"{SERVICE}.d")
    return [service, shutil.copy(DEPLOYED / FAILURE, directory / FAILURE.replace("@", "@x"))]


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Call systemd-analyze, which needs no running systemd for this."""
    environment = os.environ | {"SYSTEMD_COLORS": "0"}
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=30, env=environment, check=False
    )


@needs_systemd
@pytest.mark.parametrize("drop_ins", [(), (HARDENED_UMASK,)], ids=["as it is", HARDENED_UMASK])
def test_systemd_understands_the_units(tmp_path: Path, drop_ins: tuple[str, ...]) -> None:
    """No unknown key, no bad value, with and without the drop-in."""
    for unit in rendered(tmp_path, *drop_ins):
        found = analyze("verify", "--man=no", "--recursive-errors=no", unit)
        assert (found.returncode, found.stderr) == (0, "")


@needs_systemd
def test_a_mistake_in_a_unit_would_be_found(tmp_path: Path) -> None:
    """The tool that the test above relies on reads drop-ins, too."""
    [service, _] = rendered(tmp_path, HARDENED_UMASK)
    with (tmp_path / f"{SERVICE}.d" / HARDENED_UMASK).open("a") as drop_in:
        drop_in.write("Hardened=yes\n")
    assert "Hardened" in analyze("verify", "--man=no", "--recursive-errors=no", service).stderr


@needs_systemd
@pytest.mark.parametrize("drop_ins", [(), (HARDENED_UMASK,)], ids=["as it is", HARDENED_UMASK])
def test_the_units_expose_little(tmp_path: Path, drop_ins: tuple[str, ...]) -> None:
    """Systemd's own judgement of their hardening is 2.0 or better."""
    for unit in rendered(tmp_path, *drop_ins):
        found = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", unit)
        assert found.returncode == 0, found.stdout


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd isn't installed")
@needs_root
def test_users_and_directories_are_made_as_the_service_needs_them(tmp_path: Path) -> None:
    """The service's user is in group scylla; secrets are root's alone, and what was filled in stays."""
    (tmp_path / "etc").mkdir()
    for name, where in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        (tmp_path / "etc" / where).mkdir()
        shutil.copy(DEPLOYED / f"alternator-backup.{name}", tmp_path / "etc" / where / "alternator-backup.conf")
    for _ in range(2):
        for tool in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
            subprocess.run([*tool, f"--root={tmp_path}", "alternator-backup.conf"], check=True, capture_output=True)
        secret = tmp_path / SYSTEM_DIRECTORY.relative_to("/") / "credentials" / "cql__password"
        if not secret.stat().st_size:
            secret.write_text("filled in")

    assert re.search(rf"^scylla:[^:]*:\d+:{SERVICE_USER}$", (tmp_path / "etc/group").read_text(), re.MULTILINE)
    assert secret.read_text() == "filled in"
    assert (oct(secret.stat().st_mode), oct(secret.parent.stat().st_mode)) == ("0o100600", "0o40700")
    state = (tmp_path / SYSTEM_STATE_DIRECTORY.relative_to("/")).stat()
    [uid] = re.findall(rf"^{SERVICE_USER}:[^:]*:(\d+):", (tmp_path / "etc/passwd").read_text(), re.MULTILINE)
    assert (state.st_uid, oct(state.st_mode)) == (int(uid), "0o40750")


def test_the_service_is_who_a_command_of_roots_becomes() -> None:
    """The user, the umask and the state directory of the unit are those of the command line."""
    assert values("User") == [SERVICE_USER]
    assert [int(umask, base=8) for umask in values("UMask")] == [UMASK]
    assert [Path("/var/lib", name) for name in values("StateDirectory")] == [SYSTEM_STATE_DIRECTORY]


def test_every_secret_is_handed_over() -> None:
    """The unit loads each secret of the settings from a file that is always there; but a bucket's, whose name is yours.

    Those are handed over by a drop-in, as docs/offsite.md has it.
    """
    directory = SYSTEM_DIRECTORY / "credentials"
    names = [secret.replace(".", "__") for secret in SECRETS if not secret.startswith("repository.")]
    assert sorted(values("LoadCredential")) == sorted(f"{name}:{directory / name}" for name in names)
    assert sorted(re.findall(r"^f (\S+)", TMPFILES_TEXT, re.MULTILINE)) == sorted(
        str(directory / name) for name in names
    )


def test_the_service_runs_the_daemon_with_the_systems_settings() -> None:
    """The verb exists, and wrong settings don't make systemd start it again and again."""
    [command] = values("ExecStart")
    program, verb, *arguments = command.split()
    assert Path(program).name == "alternator-backup"
    assert verb in VERBS
    assert arguments == ["--settings", str(SYSTEM_DIRECTORY / FILE_NAME)]
    assert str(SettingsError.exit_code) in values("RestartPreventExitStatus")[0].split()


@needs_systemd
def test_roots_unit_is_understood_and_exposes_little(tmp_path: Path) -> None:
    """Systemd finds no fault with the path and what it starts, and likes its hardening almost as well."""
    path = shutil.copy(DEPLOYED / DRILL_PATH, tmp_path)
    [started] = values("Unit", Path(path).read_text())
    unit = tmp_path / started
    text = (DEPLOYED / RESTORE).read_text()
    unit.write_text(re.sub(r"^ExecStart=.*", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    for each in (unit, path):
        found = analyze("verify", "--man=no", "--recursive-errors=no", each)
        assert (found.returncode, found.stderr) == (0, "")
    found = analyze("security", "--offline=yes", f"--threshold={ROOTS_MOST_EXPOSED}", unit)
    assert found.returncode == 0, found.stdout


def test_roots_unit_takes_up_what_the_daemon_writes() -> None:
    """Both know one file; the verb exists, and has the system's settings and every secret."""
    text, path_text = (DEPLOYED / RESTORE).read_text(), (DEPLOYED / DRILL_PATH).read_text()
    assert values("PathExists", path_text) == [str(SYSTEM_STATE_DIRECTORY / "drill-requests" / REQUEST)]
    assert values("Unit", path_text) == [UNIT]
    assert UNIT.partition("@")[2].removesuffix(".service") in VERBS
    [command] = values("ExecStart", text)
    assert command.split()[1:] == ["%i", "--requested", "--settings", str(SYSTEM_DIRECTORY / FILE_NAME)]
    assert values("LoadCredential", text) == values("LoadCredential")
