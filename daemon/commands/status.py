"""Examples: `status`, `status --json | jq .daemon.alive`, `status --json | jq '.errors[] | .table'`."""

import argparse

from daemon.invocation import Invocation
from daemon.monitoring import overview_json, overview_text
from daemon.monitoring.overview import overview
from daemon.signals import cancelling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    parser.add_argument("--json", action="store_true", help="for programs")


def run(invocation: Invocation) -> int:
    """Print whether the daemon is alive, what it does, what its schedules did and will do, and what backups take up.

    Raises:
        SettingsError: the settings are refused; what is known all the same has been printed.
    """
    with cancelling(invocation.cancel):
        found = overview(invocation)
    if invocation.arguments.json:
        invocation.output.json(overview_json.as_json(found))
    else:
        overview_text.write(invocation.output, found)
    if found.refused is not None:
        raise found.refused
    return 0
