"""Telling systemd how the service is doing: datagrams to the socket that it names (sd_notify(3))."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


SEND_SECONDS = 0.5
"""The kernel takes a few datagrams that nobody has read; who reads none must not hold up the daemon."""


class Notifier:
    """Sends to $NOTIFY_SOCKET; does nothing where there is none.

    Args:
        environment: of the process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._status = ""
        # The kernel marks an abstract name by a leading NUL, systemd by an @.
        self._address = "\0" + path[1:] if path.startswith("@") else path

    def ready(self, status: str) -> None:
        """It runs, or it has reloaded its settings."""
        self._status = status
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """It loads its settings anew; `ready` follows."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It is on its way out."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """It is alive."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """What `systemctl status` shows; told only when it has changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def extend_timeout(self, seconds: float) -> None:
        """It needs so much more time from now on to start or to stop."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, *assignments: str) -> None:
        if not self._address:
            return
        with (
            suppress(OSError),  # whoever listens may be gone; that is no reason to end a backup
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as datagrams,
        ):
            datagrams.settimeout(SEND_SECONDS)
            datagrams.sendto("\n".join(assignments).encode(), self._address)


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """How long systemd waits for a sign of life; None if it doesn't."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 1_000_000 if microseconds.isdecimal() and int(microseconds) and meant else None
