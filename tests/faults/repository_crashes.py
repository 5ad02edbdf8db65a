"""Publishes a backup again and again, killed by SIGKILL before one file system operation after the other.

A process of its own, because it forks: `python -m tests.faults.repository_crashes TEMPLATE CASES DATA`. `CASES/<n>`
becomes what a process leaves of a copy of TEMPLATE when it dies before its n-th operation; the last one lived.
"""

import itertools
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from backup_core.archive import ArchiveFormat
from backup_core.repository import completion  # noqa: F401  (imported now, so that its own files aren't counted)
from tests.repository_backups import fill, opened, snapshot


CRASHING_TAG = "1733320000"

_CHANGES = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.chmod"}


def main(template: Path, cases: Path, data: Path) -> None:
    """Make all cases."""
    source = snapshot(data, tag=CRASHING_TAG)
    for number in itertools.count(1):
        case = cases / str(number)
        shutil.copytree(template, case, symlinks=True)
        child = os.fork()
        if not child:
            _die_before(number, case)
            target = opened(case, archive_format=ArchiveFormat.TAR_ZST)
            with target.stage(source.table, source.tag) as staging:
                target.publish(staging, fill(staging, source, views=1))
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


def _die_before(number: int, case: Path) -> None:
    seen = itertools.count(1)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and str(arguments[0]).startswith(str(case)) and arguments[2] & os.O_ACCMODE
        if (event in _CHANGES or is_write) and next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
