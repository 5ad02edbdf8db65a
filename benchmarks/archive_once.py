"""One archive, made in a process of its own; prints its peak memory in bytes and the archive step's seconds as JSON.

Usage: python archive_once.py DIRECTORY DESTINATION FORMAT [--with-clients]
"""

import importlib
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from memory import peak_memory_bytes

from backup_core.archive import ArchiveFormat, write_archive
from backup_core.cancel import CancelToken
from backup_core.model import Snapshot, SourceFile, SSTable, Table


CLIENTS = ("boto3", "cassandra.cluster", "urllib3")


def main(directory: str, destination: str, archive_format: str, *options: str) -> None:
    """Archive `directory` as the archive step of a backup does."""
    if options:
        for client in CLIENTS:
            importlib.import_module(client)
    snapshot = _snapshot(Path(directory))
    begin = time.perf_counter()
    write_archive(
        snapshot,
        Path(destination),
        archive_format=ArchiveFormat(archive_format),
        on_progress=lambda _: None,
        cancel=CancelToken(),
    )
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "peak_memory_bytes": peak_memory_bytes()}))


def _snapshot(directory: Path) -> Snapshot:
    with os.scandir(directory) as entries:
        sizes = {entry.name: entry.stat().st_size for entry in sorted(entries, key=lambda entry: entry.name)}
    files = tuple(SourceFile(name, size_bytes, _digest(directory, name)) for name, size_bytes in sizes.items())
    now = datetime.now(UTC)
    return Snapshot(Table("benchmark", "0" * 32), "0", directory, (SSTable("all", files),), (), now, now)


def _digest(directory: Path, name: str) -> int | None:
    if not name.endswith("-Data.db"):
        return None
    return int((directory / name.replace("-Data.db", "-Digest.crc32")).read_text())


if __name__ == "__main__":
    main(*sys.argv[1:])
