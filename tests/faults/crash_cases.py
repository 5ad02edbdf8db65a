"""Does something again and again, killed by SIGKILL before one file system operation after the other.

Only for a process of its own, because it forks.
"""

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


_CHANGES = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.chmod"}


def make_cases(template: Path, cases: Path, act: Callable[[Path], None]) -> None:
    """Make `cases/<n>` what `act` leaves of a copy of `template` when it dies before its n-th operation.

    The last one lived.
    """
    for number in itertools.count(1):
        case = cases / str(number)
        shutil.copytree(template, case, symlinks=True)
        child = os.fork()
        if not child:
            _die_before(number, case)
            act(case)
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
