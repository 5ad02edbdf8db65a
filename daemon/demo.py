"""The main job, shown: the commands that a user would type, run for real against a sandbox node."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from backup_core.errors import BackupError
from daemon import PRODUCT
from daemon.demo_tree import tree
from daemon.output import Output
from daemon.settings_file import ENVIRONMENT_PREFIX, FILE_NAME, SETTINGS_VARIABLE


MAIN = "import sys; from daemon.cli import main; sys.exit(main())"
TABLE = "users"
SHOWN_NAMES = 4


class Demo:
    """One performance.

    Args:
        output: where it takes place.
        directory: with the settings in it; the commands run here.
    """

    def __init__(self, output: Output, directory: Path) -> None:
        self._output = output
        self._directory = directory
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((ENVIRONMENT_PREFIX, "CREDENTIALS_DIRECTORY"))
        } | {SETTINGS_VARIABLE: str(directory / FILE_NAME)}

    def perform(self) -> None:
        """Show everything.

        Raises:
            BackupError: a command failed that should not have.
        """
        self._heading("Is everything as a backup needs it?")
        self._run("doctor")
        self._heading("Back up one table, step by step")
        self._run("backup", TABLE)
        self._heading("Back up all tables of the node")
        self._run("-q", "backup", "--all")
        self._heading("What is there now?")
        self._run("list")
        self._heading("And all that is known of one")
        self._run("show", TABLE)
        self._heading("Read every byte of every backup again")
        self._run("-q", "verify", "--deep")
        self._heading("The files, with the newest backup of one table opened")
        self._tree()
        self._heading("No tool of ours is needed to read them")
        self._archive()
        self._checksums()

    def _run(self, *arguments: str) -> None:
        typed = shlex.join([PRODUCT, *arguments])
        self._say(f"$ {typed}")
        self._wait(typed, [sys.executable, "-P", "-c", MAIN, *arguments], self._directory)

    def _tree(self) -> None:
        root = self._directory / "backups"
        for line in tree(root, expanded=(root / TABLE / "latest").resolve()):
            self._say(line)

    def _archive(self) -> None:
        archive = f"backups/{TABLE}/{TABLE}_backup.tar.gz"
        if shutil.which("tar") is None:
            return
        self._say(f"$ tar tzf {archive} | head -{SHOWN_NAMES}")
        listed = subprocess.run(
            ["tar", "tzf", archive], cwd=self._directory, capture_output=True, text=True, check=False
        )
        if listed.returncode:
            raise BackupError(f"tar can't read {archive}: {listed.stderr}")
        for name in listed.stdout.splitlines()[:SHOWN_NAMES]:
            self._say(name)

    def _checksums(self) -> None:
        if shutil.which("sha256sum") is None:
            return
        command = ["sha256sum", "-c", "SHA256SUMS"]
        self._say(f"\n$ cd backups/{TABLE}/latest && {shlex.join(command)}")
        self._wait(shlex.join(command), command, self._directory / "backups" / TABLE / "latest")

    def _wait(self, typed: str, command: list[str], directory: Path) -> None:
        """Messages go where the data goes, so that both stand in the order in which they came."""
        ended = subprocess.run(command, cwd=directory, env=self._environment, stderr=subprocess.STDOUT, check=False)
        if ended.returncode:
            raise BackupError(f"That should not have ended with {ended.returncode}: {typed}")

    def _heading(self, text: str) -> None:
        self._say(f"\n--- {text}")

    def _say(self, text: str) -> None:
        self._output.data(text)
