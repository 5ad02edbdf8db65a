"""The daemon in the background of a shell, and its log, waited for line by line."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backup_core.errors import BackupError
from backup_core.storage_errors import storage_errors
from daemon import PRODUCT
from daemon.demo.stage import Stage, program


LOG_NAME = "daemon.log"
LONGEST_WAIT_SECONDS = 20.0
LOOK_SECONDS = 0.05

Line = dict[str, Any]


class Background:
    """A running daemon.

    Args:
        process: of it.
        log: the file that its standard error goes to.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process = process
        self._log = log

    def lines(self) -> list[Line]:
        """Its log so far, each whole line of it."""
        whole = self._log.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def until(self, event: str, *, count: int = 1) -> list[Line]:
        """Wait for the so-manieth line with that event, and return all lines with it.

        Raises:
            BackupError: it doesn't come.
        """
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while True:
            ended = self._process.poll() is not None
            found = [line for line in self.lines() if line["event"] == event]
            if len(found) >= count:
                return found
            if ended or time.monotonic() > deadline:
                raise BackupError(f"The daemon should have logged {event} by now.", hint=f"It logged: {self.lines()}")
            time.sleep(LOOK_SECONDS)

    def reload(self) -> None:
        """As `systemctl reload` does it."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """As `systemctl stop` does it; the exit code.

        Raises:
            BackupError: it doesn't end.
        """
        self._process.terminate()
        try:
            return self._process.wait(LONGEST_WAIT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise BackupError("The daemon should have ended by now.") from error


@contextmanager
def background(stage: Stage) -> Iterator[Background]:
    """Start it for the block; at the end of that it is gone, whatever happened.

    Raises:
        StorageError: its log can't be written.
    """
    stage.typed(f"{PRODUCT} run 2> {LOG_NAME} &")
    log = stage.directory / LOG_NAME
    with storage_errors(log), log.open("wb") as stderr:
        process = subprocess.Popen(
            program("run"), cwd=stage.directory, env=stage.environment, stdin=subprocess.DEVNULL, stderr=stderr
        )
    try:
        yield Background(process, log)
    finally:
        process.kill()
        process.wait()
