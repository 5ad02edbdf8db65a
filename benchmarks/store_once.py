"""One backup into a bucket, in a process of its own; prints what it took as JSON.

Usage: python store_once.py SNAPSHOT STATE URL BUCKET [--compress] [--recipient KEY] [--with-clients]

The snapshot's directory is named by its tag. Credentials come from the environment.
"""

import argparse
import importlib
import json
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from memory import peak_memory_bytes
from s3_server import REGION

from backup_core.cancel import CancelToken
from backup_core.clock import SystemClock
from backup_core.encryption import parse_recipients
from backup_core.events import SilentReporter
from backup_core.model import NodeFacts, Placement, Table, TableSchema, VerifiedTable
from backup_core.repository.incremental import storing  # noqa: F401  (a daemon has imported it long before)
from backup_core.repository.incremental.encoding import Encoding
from backup_core.repository.incremental.repository import IncrementalRepository
from backup_core.repository.storage.s3 import S3Storage
from backup_core.repository.storage.s3_client import S3Endpoint
from backup_core.snapshot import read_snapshot
from backup_core.verify import verify_snapshot


CLIENTS = ("cassandra.cluster", "urllib3")
NODE = NodeFacts("6d2a9f0c-3c3c-4f0e-8f57-0f3c1e6a9b11")
TABLE = Table("benchmark", "0" * 32)


@dataclass(frozen=True, slots=True)
class _Run:
    """What storing needs of a run."""

    clock: SystemClock
    reporter: SilentReporter
    cancel: CancelToken


class _Unhurried:
    """Hears how far storing has come, and doesn't mind."""

    def __call__(self, done_bytes: int) -> None:
        """Nothing."""

    def skip(self, size_bytes: int) -> None:
        """Nothing."""


def main() -> None:
    """Store the snapshot as a run does: look at it, open the repository, see that the tag is free, store."""
    options = _options()
    for client in CLIENTS if options.with_clients else ():
        importlib.import_module(client)
    run = _Run(SystemClock(), SilentReporter(), CancelToken())
    storage = S3Storage(
        S3Endpoint(options.bucket, NODE.host_id, region=REGION, url=options.url, addressing_style="path"), run.cancel
    )
    repository = IncrementalRepository(
        "benchmark",
        storage,
        state=options.state,
        encoding=Encoding(options.compress, parse_recipients(options.recipient)),
        reporter=run.reporter,
        clock=run.clock,
    )
    begin = time.perf_counter()
    with closing(repository):
        table = _table(options.snapshot)
        repository.open(NODE.host_id, NODE.cluster)
        if table.snapshot.tag in repository.tags(TABLE.name):
            raise SystemExit(f"there is a backup {table.snapshot.tag}")
        repository.store(run, table, _Unhurried())
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "peak_memory_bytes": peak_memory_bytes()}))


def _table(directory: Path) -> VerifiedTable:
    now = datetime.now(UTC)
    snapshot = verify_snapshot(read_snapshot(TABLE, directory.name, directory, started_at=now, finished_at=now))
    description = {"table": {"TableName": TABLE.name, "KeySchema": [], "AttributeDefinitions": []}, "tags": []}
    schema = TableSchema(TABLE, "CREATE TABLE ...;", (), description)
    return VerifiedTable(schema, Placement(), snapshot, now, NODE, now)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("snapshot", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("url")
    parser.add_argument("bucket")
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--recipient", action="append", default=[])
    parser.add_argument("--with-clients", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
