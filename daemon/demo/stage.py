"""Where the scenes take place: what is shown, the command as a user would type it, what it really prints."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from backup_core.errors import BackupError
from backup_core.storage_errors import storage_errors
from daemon import PRODUCT
from daemon.output import Output
from daemon.settings_file import ENVIRONMENT_PREFIX, FILE_NAME, SETTINGS_VARIABLE


MAIN = "import sys; from daemon.cli import main; sys.exit(main())"
SHOWN_TABLE = "users"
"""The table that most is shown of."""

_PREFIXES = (ENVIRONMENT_PREFIX, "AWS_", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET")
"""Of variables that commands must not get from the caller."""


class Stage:
    """What the scenes share.

    Args:
        output: where it all appears.
        directory: with the settings in it; the commands run here.
        server_version: which server the sandbox plays.

    Attributes:
        directory, server_version: as given.
        environment: of the commands; nothing of the caller's own settings is in it.
    """

    def __init__(self, output: Output, directory: Path, server_version: str) -> None:
        self._output = output
        self.directory = directory
        self.server_version = server_version
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_PREFIXES) and not name.lower().endswith("_proxy")
        } | {SETTINGS_VARIABLE: str(directory / FILE_NAME)}

    @property
    def settings(self) -> Path:
        """The settings file of all commands."""
        return self.directory / self.environment[SETTINGS_VARIABLE]

    def heading(self, title: str, sentence: str) -> None:
        """Begin a section, with what is going to be seen in it."""
        self.say(f"\n--- {title}\n{sentence}")

    def say(self, text: str) -> None:
        """Show a line."""
        self._output.data(text)

    def typed(self, text: str) -> None:
        """Show what a user would type."""
        self.say(f"$ {text}")

    def run(self, *arguments: str) -> None:
        """Call our own command.

        Raises:
            BackupError: it ended with another exit code than 0.
        """
        typed = shlex.join([PRODUCT, *arguments])
        self.typed(typed)
        self.call(typed, program(*arguments), self.directory)

    def call(self, typed: str, command: list[str], directory: Path) -> None:
        """Call any command and show what it prints; messages come in their order between the data.

        Raises:
            BackupError: it ended with another exit code than 0.
        """
        ended = subprocess.run(command, cwd=directory, env=self.environment, stderr=subprocess.STDOUT, check=False)
        if ended.returncode:
            raise BackupError(f"That should not have ended with {ended.returncode}: {typed}")

    def export(self, **variables: str) -> None:
        """Set variables for all commands from here on."""
        self.typed(shlex.join(["export", *(f"{name}={value}" for name, value in variables.items())]))
        self.environment |= variables

    def copy_settings(self, name: str) -> None:
        """Go on with a copy of the settings file, beside it.

        Raises:
            StorageError: it can't be read or written.
        """
        self.typed(f"cp {self.settings.name} {name}")
        with storage_errors(self.directory / name):
            shutil.copyfile(self.settings, self.directory / name)
        self.export(**{SETTINGS_VARIABLE: name})

    def append_settings(self, *lines: str) -> None:
        """Type lines at the end of the settings file.

        Raises:
            StorageError: it can't be written.
        """
        text = "".join(f"{line}\n" for line in lines)
        self.typed(f"cat >> {self.settings.name} <<END\n{text}END")
        with storage_errors(self.settings), self.settings.open("a", encoding="utf-8") as file:
            file.write(text)

    def replace_settings(self, old: str, new: str) -> None:
        """Change the settings file where it says something.

        Raises:
            StorageError: it can't be read or written.
        """
        self.typed(f"sed -i 's/{old}/{new}/' {self.settings.name}")
        with storage_errors(self.settings):
            self.settings.write_text(self.settings.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def program(*arguments: str) -> list[str]:
    """Our own command, of this very installation, whatever is on PATH."""
    return [sys.executable, "-P", "-c", MAIN, *arguments]
