"""The node of the demo: a sandbox with tables of every kind, one of them with SSTables of a real node."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backup_core.repository.create_table import TTL_TAG
from backup_core.storage_errors import storage_errors
from daemon.output import Output
from daemon.sandbox_node import fill, running_sandbox, sandbox_settings
from daemon.settings_file import FILE_NAME


if TYPE_CHECKING:
    from sandbox.catalog import Table
    from sandbox.node import Sandbox


RECORDINGS = Path(__file__).parents[2] / "tests" / "data"
"""Files of real nodes; a checkout has them, an installation doesn't."""

RECORDED_TABLE = "orders"


@contextmanager
def demo_node(output: Output, version: str, directory: Path, recordings: Path) -> Iterator[None]:
    """A node for the block, with settings for it in the directory.

    Args:
        output: hears what there is.
        version: which server to play.
        directory: where everything is.
        recordings: with a directory for each recorded server, as `scylla-6.2.3`.

    Raises:
        BackupError: as for `running_sandbox`.
    """
    with running_sandbox(version, directory / "node") as node:
        fill(node)
        recorded = _recorded_sstables(recordings, node.catalog.version.release)
        if recorded is not None:
            _show(node, recorded)
        with storage_errors(directory / FILE_NAME):
            (directory / FILE_NAME).write_text(_settings(node, directory), encoding="utf-8")
        _introduce(output, node, directory, with_recorded=recorded is not None)
        yield


def _settings(node: "Sandbox", directory: Path) -> str:
    """Without metrics: their port may be a real daemon's."""
    return f'{sandbox_settings(node, directory / "state")}[metrics]\nlisten = ""\n'


def _recorded_sstables(recordings: Path, release: str) -> Path | None:
    server = f"scylla-{release.partition('-')[0]}"
    keyspace = recordings / server / "data" / f"alternator_{RECORDED_TABLE}"
    return next(iter(sorted(keyspace.glob(f"{RECORDED_TABLE}-*/snapshots/*"))), None)


def _show(node: "Sandbox", sstables: Path) -> None:
    from sandbox.example_tables import ExampleTable, ExampleTables  # noqa: PLC0415  (boto3 takes its time)

    tables = ExampleTables(node.alternator.url)
    tables.make(ExampleTable(RECORDED_TABLE, {"id": "S"}))
    tables.close()
    node.data.show(RECORDED_TABLE, sstables)


def _introduce(output: Output, node: "Sandbox", directory: Path, *, with_recorded: bool) -> None:
    output.data(f"A sandbox plays a node of ScyllaDB {node.catalog.version.release}, with these tables:")
    tables = sorted(node.catalog.tables.values(), key=lambda table: table.name)
    width = max(len(table.name) for table in tables)
    for table in tables:
        output.data(f"  {table.name.ljust(width)}  {_description(table)}".rstrip())
    if not with_recorded:
        output.data("(A checkout also has SSTables of real nodes to show; they are no part of an installation.)")
    output.data(f"Its settings are in {directory / FILE_NAME}; the commands below run there.")


def _description(table: "Table") -> str:
    if table.name == RECORDED_TABLE:
        return "real SSTables, recorded from a real node"
    indexes = [f"{'LSI' if index.local else 'GSI'} {index.name}" for index in table.indexes]
    tags = [f"tag {key}={value}" for key, value in table.tags.items() if not key.startswith("system:")]
    expiry = [f"TTL {table.tags[TTL_TAG]}"] if TTL_TAG in table.tags else []
    return ", ".join([*indexes, *tags, *expiry])
