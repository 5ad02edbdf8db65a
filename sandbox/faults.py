"""Fault switches: any endpoint of the sandbox can fail, hang, drop the connection, or answer late."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens instead of, or before, an answer.

    Attributes:
        kind: `error` answers `answer` instead; `hang` never answers (until the switch is cleared or the node stops);
            `drop` closes the connection without an answer; `late` waits and then does the work and answers;
            `work_then_hang` does the work but never answers; `call` runs `action` first, then does the work;
            `empty` answers a CQL statement without any rows.
        answer: for `error`: (status, body) over HTTP, (error code, message) over CQL.
        seconds: for `late`.
        action: for `call`.
    """

    kind: Literal["error", "hang", "drop", "late", "work_then_hang", "call", "empty"]
    answer: Any = None
    seconds: float = 0.0
    action: Callable[[], None] | None = None


@dataclass(slots=True)
class _Switch:
    endpoint: str
    matches: Callable[[str], bool]
    fault: Fault
    times: int | None


class Faults:
    """The switches of one node.

    An endpoint is named by server and request, for example
    `alternator DescribeTable`, `cql DESCRIBE TABLE "alternator_users"."users"` (the statement as sent),
    `rest POST /storage_service/snapshots`; a switch's endpoint is a prefix of that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switches: list[_Switch] = []
        self._released = threading.Event()

    def set(self, endpoint: str, fault: Fault, *, times: int | None = None, containing: str = "") -> None:
        """Switch a fault on.

        Args:
            endpoint: prefix of the endpoints it is for.
            fault: what happens there.
            times: how often, None for always.
            containing: text that must also occur in the request's target (query string, statement, table name).
        """
        with self._lock:
            self._released.clear()
            self._switches.append(
                _Switch(endpoint, lambda target: target.startswith(endpoint) and containing in target, fault, times)
            )

    def clear(self) -> None:
        """Switch all faults off and let what hangs go."""
        with self._lock:
            self._switches.clear()
            self._released.set()

    def take(self, target: str) -> Fault | None:
        """The fault for one request, counted down; a server calls this once a request.

        `late` has been waited for and `call` has been run when this returns: what comes back is None or one of
        `error`, `hang`, `drop`, `work_then_hang`, `empty`, which is the server's to act on.
        """
        with self._lock:
            switch = next((s for s in self._switches if s.matches(target)), None)
            if switch is None:
                return None
            if switch.times is not None:
                switch.times -= 1
                if switch.times == 0:
                    self._switches.remove(switch)
        if switch.fault.kind == "late":
            time.sleep(switch.fault.seconds)
            return None
        if switch.fault.kind == "call":
            if switch.fault.action is not None:
                switch.fault.action()
            return None
        return switch.fault

    def hang(self) -> None:
        """Wait until the switches are cleared: what a server does for `hang`, before it drops the connection."""
        self._released.wait()
