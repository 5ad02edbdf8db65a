"""A daemon as systemd would run it: a process of its own, with a notify socket and a log that is read as it comes."""

import json
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import COMMAND, clean_environment


TIMEOUT_SECONDS = 25.0

Line = dict[str, Any]


class NotifySocket:
    """Where systemd listens.

    Args:
        address: as in $NOTIFY_SOCKET, a path or an abstract name behind an @.

    Attributes:
        messages: what came, in its order.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.messages: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while message := self._socket.recv(65536).decode():
            self.messages.append(message)

    def until(self, state: str, *, count: int = 1) -> None:
        """Wait for a message that begins with such an assignment, or for the so-manieth."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.states().count(state) < count:
            assert time.monotonic() < deadline, self.messages
            time.sleep(0.02)

    def states(self) -> list[str]:
        """The first assignment of each message, which says what it is."""
        return [message.splitlines()[0] for message in list(self.messages)]

    def close(self) -> None:
        """Listen no more."""
        self._socket.shutdown(socket.SHUT_RD)
        self._reader.join(TIMEOUT_SECONDS)
        self._socket.close()


class Daemon:
    """A running `alternator-backup run`.

    Attributes:
        notify: what it tells systemd.
        lines: its log so far, each line as the JSON object that it is.
    """

    def __init__(self, settings: Path, notify: NotifySocket, environment: dict[str, str]) -> None:
        self.notify = notify
        self.lines: list[Line] = []
        self.process = subprocess.Popen(
            [COMMAND, "run", "--settings", settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=settings.parent,
            env=clean_environment(settings.parent) | {"NOTIFY_SOCKET": notify.address} | environment,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as log:
            for line in log:
                self.lines.append(json.loads(line))

    def until(self, event: str, *, count: int = 1, **fields: Any) -> Line:
        """Wait for a line of the log, or for the so-manieth, and return it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while len(found := self.said(event, **fields)) < count:
            assert time.monotonic() < deadline, self.lines
            assert self._reader.is_alive() or len(self.said(event, **fields)) >= count, self.lines
            time.sleep(0.02)
        return found[count - 1]

    def said(self, event: str, **fields: Any) -> list[Line]:
        """Lines of the log with that event and these fields."""
        wanted = {"event": event, **fields}
        return [line for line in list(self.lines) if all(line.get(key) == wanted[key] for key in wanted)]

    def errors(self) -> list[Line]:
        """ERROR lines."""
        return [line for line in list(self.lines) if line["level"] == "error"]

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end and for its last line; the exit code."""
        code = self.process.wait(TIMEOUT_SECONDS)
        self._reader.join(TIMEOUT_SECONDS)
        return code

    def stop(self) -> int:
        """End it as systemd does; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()


@contextmanager
def daemon(settings: Path, **environment: str) -> Iterator[Daemon]:
    """A daemon for the block, killed at the end if it still runs; not yet READY."""
    # A path may have no more than 107 bytes (unix(7)), which temporary directories easily go beyond.
    notify = NotifySocket(f"@alternator-backup-test-{uuid.uuid4()}")
    running = Daemon(settings, notify, environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.wait()
        notify.close()
