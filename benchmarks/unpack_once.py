"""One archive staged and placed, in a process of its own; prints its peak memory in bytes as JSON.

Usage: python unpack_once.py ARCHIVE EXPECTED STAGING UPLOAD [--with-clients]
"""

import importlib
import json
import sys
from pathlib import Path

from memory import peak_memory_bytes

from backup_core.cancel import CancelToken
from backup_core.compression import ArchiveFormat
from backup_core.model import StoredArchive, StoredFile
from backup_core.restore.directories import open_directory
from backup_core.restore.source_archive import SourceArchive
from backup_core.restore.unpacking import unpack
from backup_core.restore.upload import Upload


CLIENTS = ("boto3", "cassandra.cluster", "urllib3")


def main(archive: str, expected: str, staging: str, upload: str, *options: str) -> None:
    """Check and unpack `archive`, and place what was in it, as a restore does."""
    if options:
        for client in CLIENTS:
            importlib.import_module(client)
    told = json.loads(Path(expected).read_text())
    files = tuple(StoredFile(**file) for file in told.pop("files"))
    stored = StoredArchive(**told, files=files)
    archive_format = ArchiveFormat(archive.partition(".")[2])
    with open_directory(Path(staging)) as staged, open_directory(Path(upload)) as target:
        unpacked = unpack(
            SourceArchive(Path(archive), archive_format, "benchmark", stored),
            staged,
            wanted=lambda _: True,
            most_bytes=0,
            on_progress=lambda _: None,
            cancel=CancelToken(),
        )
        Upload(target).place(staged, unpacked.sstables)
    print(json.dumps({"peak_memory_bytes": peak_memory_bytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
