"""The sandbox as the command line starts it, and settings to use it with. It is an extra: imported when asked for."""

import errno
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backup_core.errors import NodeUnavailableError, SettingsError
from backup_core.storage_errors import storage_errors


if TYPE_CHECKING:
    from sandbox.bucket import BucketServer
    from sandbox.node import Sandbox


FIRST_LINE = "# Written by `alternator-backup sandbox`: for trying things out, not for a real node."
ROLE = "cassandra"
PASSWORD = "cassandra"  # noqa: S105  (of the sandbox, as of every new ScyllaDB node)
BESIDE = ("[repository.local]", 'path = "backups"', "allow_same_disk = true")
"""A repository beside settings.toml."""


@contextmanager
def running_sandbox(
    version: str,
    directory: Path,
    *,
    authorization: bool = False,
    alternator_port: int = 0,
    cql_port: int = 0,
    api_port: int = 0,
) -> Iterator["Sandbox"]:
    """A sandbox node for the block.

    Args:
        version: which server to play.
        directory: where its data is; made if it isn't there.
        authorization: it asks for credentials.
        alternator_port: 0 picks a free one.
        cql_port: likewise.
        api_port: likewise.

    Raises:
        SettingsError: the extra isn't installed; the directory isn't empty.
        NodeUnavailableError: a port is taken.
        PermissionDeniedError, StorageError: the directory can't be written.
    """
    with _installed():
        from sandbox.node import Sandbox  # noqa: PLC0415  (an extra; and nobody else shall wait for moto)
    ports = {"alternator_port": alternator_port, "cql_port": cql_port, "api_port": api_port}
    with storage_errors(directory, "Failed to make the sandbox's directory"):
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise SettingsError(
                f"{directory} is not empty.", hint="Give the sandbox a directory of its own: it remembers nothing."
            )
    _refuse_taken(ports)
    with Sandbox(
        version,
        directory=directory,
        authorization=authorization,
        alternator_port=alternator_port,
        cql_port=cql_port,
        api_port=api_port,
    ) as node:
        yield node


@contextmanager
def running_bucket(name: str) -> Iterator["BucketServer"]:
    """A store with an empty bucket of that name, for the block.

    Raises:
        SettingsError: the extra isn't installed.
    """
    with _installed():
        from sandbox.bucket import BucketServer  # noqa: PLC0415  (as above)
    with BucketServer(name) as bucket:
        yield bucket


def fill(node: "Sandbox") -> None:
    """Make the example tables, with data."""
    from sandbox.example_tables import EXAMPLE_TABLES, ExampleTables  # noqa: PLC0415  (as above)

    secret = node.catalog.roles[ROLE].salted_hash if node.catalog.enforce_authorization else "anything"
    tables = ExampleTables(node.alternator.url, ROLE, secret)
    for table in EXAMPLE_TABLES:
        tables.make(table)
    tables.close()


@contextmanager
def directory_or_temporary(given: Path | None) -> Iterator[Path]:
    """The directory that was given, absolute, or a temporary one that is gone after the block."""
    if given is not None:
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="sandbox-") as temporary:
        yield Path(temporary)


def sandbox_settings(node: "Sandbox", state_directory: Path, repository: Sequence[str] = BESIDE) -> str:
    """A settings.toml for a node; the lines tell where its backups go."""
    authorization = node.catalog.enforce_authorization
    return "\n".join(
        (
            FIRST_LINE,
            "[node]",
            f'api_url = "{node.api.url}"',
            "[alternator]",
            f'endpoint = "{node.alternator.url}"',
            *((f'access_key_id = "{ROLE}"', 'secret_from = "lookup"') if authorization else ()),
            "[cql]",
            f'host = "{node.cql.host}"',
            f"port = {node.cql.port}",
            *((f'username = "{ROLE}"',) if authorization else ()),
            *repository,
            "[limits]",
            'min_free_space = "100MiB"',
            "[state]",
            f'directory = "{state_directory}"',
            "",
        )
    )


@contextmanager
def _installed() -> Iterator[None]:
    """For imports of the sandbox, which is an extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The sandbox is not installed: there is no module {error.name}.",
            hint="pip install 'alternator-backup[sandbox]'",
        ) from error


def _refuse_taken(ports: Mapping[str, int]) -> None:
    """Try each port as the node will: the operating system's own error doesn't tell which one it was."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                option = f"--{name.replace('_', '-')}"
                what = "is taken" if error.errno == errno.EADDRINUSE else f"can't be used: {error.strerror}"
                raise NodeUnavailableError(
                    f"Port {port} {what}.", hint=f"Give another one with {option}; 0 picks a free one."
                ) from error
