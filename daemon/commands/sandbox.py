"""Examples: `sandbox --fill`, `sandbox --version 2026.1 --write-settings settings.toml`, `sandbox --auth`."""

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from backup_core.errors import SettingsError
from backup_core.storage_errors import storage_errors
from daemon.invocation import Invocation
from daemon.output import Output
from daemon.sandbox_node import (
    FIRST_LINE,
    PASSWORD,
    directory_or_temporary,
    fill,
    running_sandbox,
    sandbox_settings,
)
from daemon.settings_file import ENVIRONMENT_PREFIX
from daemon.signals import EXIT_CODES
from sandbox.version import VERSIONS


if TYPE_CHECKING:
    from sandbox.node import Sandbox


PORTS = {"alternator_port": 8000, "cql_port": 9042, "api_port": 10000}
HIGHEST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What this verb takes."""
    # The top level has a --version of its own, for ours.
    parser.add_argument(
        "--version", dest="server_version", choices=VERSIONS, default="6.2", help="which server to play"
    )
    parser.add_argument("--directory", type=Path, metavar="DIR", help="where its data is; a temporary one by default")
    parser.add_argument("--auth", action="store_true", help="ask for credentials: role cassandra, password cassandra")
    for name, port in PORTS.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=_port, default=port, metavar="N", help=f"{port} by default; 0: a free one")
    parser.add_argument("--fill", action="store_true", help="make some tables with data")
    parser.add_argument("--write-settings", type=Path, metavar="PATH", help="write a settings.toml to try it with")


def run(invocation: Invocation) -> int:
    """Run a node until Ctrl-C or SIGTERM."""
    arguments = invocation.arguments
    # Before the node starts its threads, which inherit it: whichever signal comes waits for `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, EXIT_CODES)
    with (
        directory_or_temporary(arguments.directory) as directory,
        running_sandbox(
            arguments.server_version,
            directory,
            authorization=arguments.auth,
            alternator_port=arguments.alternator_port,
            cql_port=arguments.cql_port,
            api_port=arguments.api_port,
        ) as node,
    ):
        settings = sandbox_settings(node, directory / "state")
        if arguments.write_settings is not None:
            _write(arguments.write_settings, settings)
        if arguments.fill:
            fill(node)
        _tell(invocation.output, node, settings, arguments.write_settings)
        number = signal.sigwait(EXIT_CODES)
    invocation.output.message("The sandbox is gone.")
    return EXIT_CODES[signal.Signals(number)]


def _tell(output: Output, node: "Sandbox", settings: str, written: Path | None) -> None:
    output.data(f"A sandbox plays ScyllaDB {node.catalog.version.release} until Ctrl-C:")
    output.data(f"  Alternator  {node.alternator.url}")
    output.data(f"  CQL         {node.cql.host}:{node.cql.port}")
    output.data(f"  REST API    {node.api.url}")
    output.data(f"  data        {node.data_directory}")
    output.data(f"  tables      {', '.join(sorted(node.catalog.tables)) or 'none yet'}")
    if written is None:
        output.data(f"\nA settings.toml to try it with:\n\n{settings}")
    else:
        output.data(f"\nIts settings are in {written}. Try:")
    if node.catalog.enforce_authorization:
        output.data(f"  export {ENVIRONMENT_PREFIX}CQL__PASSWORD={PASSWORD}")
    output.data(f"  alternator-backup --settings {written or 'settings.toml'} backup --all")


def _write(path: Path, settings: str) -> None:
    with storage_errors(path):
        if path.exists() and not path.read_text(encoding="utf-8").startswith(FIRST_LINE):
            raise SettingsError(f"{path} is there already.", hint="The sandbox replaces only what it wrote itself.")
        path.write_text(settings, encoding="utf-8")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)
