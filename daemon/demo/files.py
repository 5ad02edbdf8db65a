"""Scene: the files of a backup, which need no tool of ours to be read."""

import shlex
import shutil
import subprocess

from backup_core.errors import BackupError
from daemon.demo.stage import SHOWN_TABLE, Stage
from daemon.demo.tree import tree


SHOWN_NAMES = 4
_ARCHIVE = f"backups/{SHOWN_TABLE}/{SHOWN_TABLE}_backup.tar.gz"


def show_files(stage: Stage) -> None:
    """Show the repository, and read a backup with what every machine has."""
    stage.heading("What lies on the disk", "A directory for each backup; the newest one of a table is opened here.")
    root = stage.directory / "backups"
    for line in tree(root, expanded=(root / SHOWN_TABLE / "latest").resolve()):
        stage.say(line)
    stage.heading("No tool of ours is needed to read it", "tar and sha256sum do, wherever the files are copied to.")
    _list_archive(stage)
    stage.say("")
    _check_sums(stage)


def _list_archive(stage: Stage) -> None:
    if shutil.which("tar") is None:
        return
    stage.typed(f"tar tzf {_ARCHIVE} | head -{SHOWN_NAMES}")
    listed = subprocess.run(["tar", "tzf", _ARCHIVE], cwd=stage.directory, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise BackupError(f"tar can't read {_ARCHIVE}: {listed.stderr}")
    for name in listed.stdout.splitlines()[:SHOWN_NAMES]:
        stage.say(name)


def _check_sums(stage: Stage) -> None:
    if shutil.which("sha256sum") is None:
        return
    command = ["sha256sum", "-c", "SHA256SUMS"]
    stage.typed(f"cd backups/{SHOWN_TABLE}/latest && {shlex.join(command)}")
    stage.call(shlex.join(command), command, stage.directory / "backups" / SHOWN_TABLE / "latest")
