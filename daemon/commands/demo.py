"""Examples: `demo`, `demo --version 2026.1`, `demo --keep ./demo` (to look around afterwards)."""

import argparse
import time
from pathlib import Path

from daemon.demo.node import RECORDINGS, demo_node
from daemon.demo.program import perform
from daemon.demo.stage import Stage
from daemon.invocation import Invocation
from daemon.sandbox_node import directory_or_temporary
from sandbox.version import VERSIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    # The top level has a --version of its own, for ours.
    parser.add_argument(
        "--version", dest="server_version", choices=VERSIONS, default="6.2", help="which server the sandbox plays"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave everything in this directory")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", default=RECORDINGS, help="recordings of real nodes, to show SSTables of"
    )


def run(invocation: Invocation) -> int:
    """Start a node with some tables, show what there is, and clean up."""
    arguments, output = invocation.arguments, invocation.output
    started = time.monotonic()
    with (
        directory_or_temporary(arguments.keep) as directory,
        demo_node(output, arguments.server_version, directory, arguments.data),
    ):
        perform(Stage(output, directory, arguments.server_version))
    kept = f"Everything is still in {directory}." if arguments.keep else "Nothing of it is left on this machine."
    output.data(f"\nThat was all, in {time.monotonic() - started:.0f} seconds. {kept}")
    return 0
