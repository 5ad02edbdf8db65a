"""Publishes a backup again and again, killed before one operation after the other.

`python -m tests.faults.repository_crashes TEMPLATE CASES DATA`
"""

import sys
from pathlib import Path

from backup_core.archive import ArchiveFormat
from backup_core.repository import completion  # noqa: F401  (imported now, so that its own files aren't counted)
from tests.faults.crash_cases import make_cases
from tests.repository_backups import fill, finished, opened, snapshot, staged


CRASHING_TAG = "1733320000"


def main(template: Path, cases: Path, data: Path) -> None:
    """Make all cases."""
    source = snapshot(data, tag=CRASHING_TAG)

    def act(case: Path) -> None:
        target = opened(case, archive_format=ArchiveFormat.TAR_ZST)
        with staged(target, source.table, source.tag) as staging:
            finished(target, staging, fill(staging, source, views=1))

    make_cases(template, cases, act)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
