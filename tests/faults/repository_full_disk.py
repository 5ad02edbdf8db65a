"""Publishes on a disk that is full a page later each time: `python -m tests.faults.repository_full_disk DIRECTORY`.

To be run where a tmpfs may be mounted on DIRECTORY. Prints one JSON line for each attempt, and ends with the first that
succeeds.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from backup_core.errors import StorageFullError
from tests.repository_backups import fill, finished, names, opened, publish, snapshot, staged


PAGE_BYTES = 4096


def main(directory: Path) -> None:
    """Make all attempts."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", directory], check=True)
    target = opened(directory / "backups")
    publish(target, directory.parent / "old", tag="1733310000", views=1)
    source = snapshot(directory.parent / "data", tag="1733320000")
    error: StorageFullError | None
    for pages in range(100):
        filler = directory / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(directory).free - pages * PAGE_BYTES))
        error = None
        try:
            with staged(target, source.table, source.tag) as staging:
                finished(target, staging, fill(staging, source, views=1))
        except StorageFullError as full:
            error = full
        except OSError as full:
            # The schema files in `fill` are the test's own to write.
            error = StorageFullError(str(full))
        filler.unlink()
        listed = {listing.tag: str(listing.status) for listing in target.backups()}
        latest = str((directory / "backups/users/latest").readlink())
        print(  # noqa: T201
            json.dumps(
                {
                    "error": error and error.message,
                    "listed": listed,
                    "latest": latest,
                    "names": sorted(names(directory / "backups")),
                }
            )
        )
        if error is None:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
