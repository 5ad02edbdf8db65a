"""Datagrams to systemd."""

import os
import socket
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from daemon.systemd import SEND_SECONDS, Notifier, watchdog_seconds
from tests.e2e.services import NotifySocket


def test_both_kinds_of_addresses() -> None:
    """A path and an abstract name are spoken to alike."""
    with tempfile.TemporaryDirectory() as directory:
        for address in (str(Path(directory) / "notify"), f"@test-{uuid.uuid4()}"):
            notify = NotifySocket(address)
            notifier = Notifier({"NOTIFY_SOCKET": address})
            notifier.ready("Next: nightly")
            notifier.stopping()
            notify.until("STOPPING=1")
            assert notify.messages == ["READY=1\nSTATUS=Next: nightly", "STOPPING=1"]
            notify.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/no/such/socket"}, {"NOTIFY_SOCKET": "@nobody"}])
def test_nobody_listens(environment: dict[str, str]) -> None:
    """Without systemd nothing happens."""
    Notifier(environment).ready("fine")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 120.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_long_the_watchdog_waits(environment: dict[str, str], expected: float | None) -> None:
    """In seconds; none where it isn't switched on, or is another process's."""
    assert watchdog_seconds(environment) == expected


def test_somebody_who_reads_nothing_holds_up_nobody() -> None:
    """The kernel takes some messages; what is too much is dropped after a moment."""
    address = f"@test-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind("\0" + address[1:])
        most = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
        if most > 1000:
            pytest.skip("this kernel takes very many")
        started = time.monotonic()
        for _ in range(most + 2):
            Notifier({"NOTIFY_SOCKET": address}).stopping()
        assert time.monotonic() - started < 3 * SEND_SECONDS
