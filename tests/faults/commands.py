"""Commands while they run, and how they end."""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import TIMEOUT_SECONDS


WITHOUT_PRIVILEGES = (
    *("setpriv", "--inh-caps", "-dac_override,-dac_read_search"),
    *("--bounding-set", "-dac_override,-dac_read_search"),
)
"""Runs root's commands so that the rights of files count."""

Finished = subprocess.CompletedProcess[str]


class Gate:
    """An action of a fault that holds a request up until it is opened.

    Attributes:
        reached: a request has come.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self) -> None:
        """Hold the request up."""
        self.reached.set()
        self._opened.wait(TIMEOUT_SECONDS)

    def open(self) -> None:
        """Let it pass."""
        self._opened.set()


def finish(process: subprocess.Popen[str]) -> Finished:
    """Wait for a command's end."""
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(process.communicate()) from None
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def assert_error(result: Finished, exit_code: int, *words: str) -> None:
    """It ended with that code, and one ERROR line that has these words."""
    (error,) = errors_of(result)
    assert result.returncode == exit_code, result.stderr
    assert [word for word in words if word not in error] == [], error


def errors_of(result: Finished) -> list[str]:
    """What its ERROR lines say, sorted; there is no traceback."""
    assert "Traceback" not in result.stdout + result.stderr, result.stderr
    return sorted(line.partition("ERROR - ")[2] for line in result.stderr.splitlines() if "ERROR - " in line)


def until(condition: Callable[[], Any]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + TIMEOUT_SECONDS / 2
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def archives_begun(repository: Path, name: str) -> list[Path]:
    """Archives of a table that are being written."""
    return [path for path in repository.glob(f"~tmp-*/content/{name}_backup.*") if path.stat().st_size]


def as_root() -> bool:
    """Whether this user may mount disks, and read what nobody else may."""
    return os.geteuid() == 0
