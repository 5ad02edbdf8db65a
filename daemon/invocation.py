"""One call of the command line: its arguments, its settings, its output."""

import argparse
import os
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from backup_core.cancel import CancelToken
from backup_core.events import Reporter
from backup_core.repository.protocol import Repository
from daemon.output import Output
from daemon.repositories import repositories, repository_at, repository_of_host
from daemon.settings_file import Settings, find_settings, load_settings


if TYPE_CHECKING:
    from backup_core.encryption import Identities


def add_identity_argument(parser: argparse.ArgumentParser) -> None:
    """For verbs that read what is in backups."""
    parser.add_argument(
        "--identity", type=Path, metavar="FILE", help="private keys of age, for backups that are encrypted"
    )


@dataclass
class Invocation:
    """What a verb is called with.

    Attributes:
        arguments: as its own parser read them.
        output: where it prints.
        cancel: set by Ctrl-C and SIGTERM while there is work.
        signals: numbers of those that have come, where the verb is the daemon's.
    """

    arguments: argparse.Namespace
    output: Output
    cancel: CancelToken
    signals: SimpleQueue[int]
    _resources: ExitStack = field(default_factory=ExitStack, init=False)

    @cached_property
    def settings_path(self) -> Path:
        """The settings file that counts. Raises SettingsError if there is none."""
        return find_settings(self.arguments.settings, os.environ)

    @cached_property
    def settings(self) -> Settings:
        """What is in force. Raises SettingsError."""
        return load_settings(self.settings_path)

    @cached_property
    def identities(self) -> "Identities | None":
        """The private keys that were given; None if none were.

        Raises:
            SettingsError: the file isn't there, or isn't one of keys.
            PermissionDeniedError: this user may not read it.
        """
        path: Path | None = getattr(self.arguments, "identity", None)
        if path is None:
            return None
        from backup_core.encryption import read_identities  # noqa: PLC0415  (most verbs need no keys)

        return read_identities(path)

    def repositories(self, reporter: Reporter, names: Collection[str] | None = None) -> tuple[Repository, ...]:
        """The repositories of the settings, every host's that is found, not yet opened; closed with this.

        Args:
            reporter: hears what happens.
            names: of those that are wanted; all if None.

        Raises:
            SettingsError: the settings or the given keys can't be used.
            BackupError: it can't be looked up which hosts there are.
        """
        found = repositories(self.settings, reporter, cancel=self.cancel, identities=self.identities, names=names)
        return self._closing(found)

    def repository_at(self, path: str) -> Repository:
        """The repository in any directory, to be read; closed with this. Errors as above."""
        found = repository_at(self.settings, path, cancel=self.cancel, identities=self.identities)
        return self._closing((found,))[0]

    def repository_of_host(self, name: str, host_id: str, reporter: Reporter) -> Repository:
        """A host's repository, to be filled; closed with this.

        Args:
            name: of the repository in the settings.
            host_id: of the host.
            reporter: hears what happens.

        Raises:
            SettingsError, StorageError: there can't be such a repository.
        """
        found = repository_of_host(self.settings, reporter, name, host_id, cancel=self.cancel)
        return self._closing((found,))[0]

    def read_secrets(self) -> None:
        """Read all that may be for this user only: afterwards another one may go on. Errors as above."""
        _ = self.settings, self.identities

    def close(self) -> None:
        """Let go of what was used."""
        self._resources.close()

    def _closing(self, found: tuple[Repository, ...]) -> tuple[Repository, ...]:
        for repository in found:
            self._resources.callback(repository.close)
        return found
