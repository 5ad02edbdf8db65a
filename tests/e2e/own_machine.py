"""A machine of the test's own, where it may be root: mounts that nobody else sees hide what belongs to this one."""

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import TIMEOUT_SECONDS, clean_environment
from tests.documents import ROOT


CHANGED = ("/etc", "/opt", "/srv", "/usr/local", "/var/lib")
"""What may be changed there; nothing of it is left when the script ends."""

NEEDED = (Path(sys.base_prefix), Path(sys.prefix), ROOT)
"""Whoever a script becomes has to reach these, wherever whoever runs the tests has put them."""


def run_on_own_machine(
    script: str, directory: Path, *, mounts: Mapping[str, Path] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root.

    Args:
        script: for bash, ended by the first command that fails.
        directory: an empty one, to mount things on.
        mounts: directories of this machine to be seen there, by where.
    """
    lines = ["set -eu", *_mounting(directory, mounts or {}), script]
    return subprocess.run(
        ["unshare", "--mount", "bash", "-c", "\n".join(lines)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        env=clean_environment(directory),
        check=False,
    )


def _mounting(directory: Path, mounts: Mapping[str, Path]) -> list[str]:
    shown = {str(path): path for path in NEEDED} | dict(mounts)
    unreachable = {path for path in map(_unreachable, NEEDED) if path is not None}
    return [
        f"cd {shlex.quote(str(directory))} && mount -t tmpfs -o mode=755 tmpfs . && cd {shlex.quote(str(directory))}",
        *(f"mkdir -p kept/{number} && {_bind(path, f'kept/{number}')}" for number, path in enumerate(shown.values())),
        *(
            f"mkdir -p upper{top} work{top} && "
            f"mount -t overlay overlay -o lowerdir={top},upperdir=upper{top},workdir=work{top} {top}"
            for top in CHANGED
        ),
        *(f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(path))}" for path in unreachable),
        *(f"mkdir -p {shlex.quote(place)} && {_bind(f'kept/{number}', place)}" for number, place in enumerate(shown)),
        "cd /",
    ]


def _bind(source: Path | str, place: str) -> str:
    return shlex.join(["mount", "--bind", str(source), place])


def _unreachable(path: Path) -> Path | None:
    """The first directory on the way to a path that not everybody may enter."""
    return next((parent for parent in reversed(path.parents) if not parent.stat().st_mode & 0o001), None)
