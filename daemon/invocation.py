"""One call of the command line: its arguments, its settings, its output."""

import argparse
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue

from backup_core.cancel import CancelToken
from daemon.output import Output
from daemon.settings_file import Settings, find_settings, load_settings


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

    @cached_property
    def settings_path(self) -> Path:
        """The settings file that counts. Raises SettingsError if there is none."""
        return find_settings(self.arguments.settings, os.environ)

    @cached_property
    def settings(self) -> Settings:
        """What is in force. Raises SettingsError."""
        return load_settings(self.settings_path)
