"""Examples: `menu`, `menu <<< 2` (all tables, from cron; so does `baskup <<< 2`)."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager

from backup_core.clock import SystemClock
from backup_core.context import Context
from backup_core.errors import RunCancelledError
from daemon.invocation import Invocation
from daemon.menu import Menu
from daemon.predecessor import predecessor_settings
from daemon.reporting import reporting
from daemon.settings_file import Settings, named_settings
from daemon.signals import cancelling
from daemon.wiring import node_context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument(
        "--predecessor",
        action="store_true",
        help="without a settings file, the predecessor's values, directory and log file; what baskup is",
    )


def run(invocation: Invocation) -> int:
    """Show the menu until it is left or its input ends."""
    settings = _settings(invocation)

    @contextmanager
    def connect() -> Iterator[Context]:
        with (
            cancelling(invocation.cancel),
            reporting(invocation.output, SystemClock(), settings.log) as reporter,
            node_context(settings, reporter, invocation.cancel) as context,
        ):
            yield context

    try:
        return Menu(invocation.output, connect).run()
    except KeyboardInterrupt:
        interrupted = RunCancelledError("Backup process interrupted by user.")
    except RunCancelledError as error:
        interrupted = error
    invocation.output.error(f"\n{interrupted}")
    return interrupted.exit_code


def _settings(invocation: Invocation) -> Settings:
    named = named_settings(invocation.arguments.settings, os.environ)
    if invocation.arguments.predecessor and named is None:
        return predecessor_settings(os.environ)
    return invocation.settings
