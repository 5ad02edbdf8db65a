"""Several reporters as one."""

from typing import Any

from backup_core.events import Reporter


class Reporters:
    """Tells each of them everything, in their order."""

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def event(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        for reporter in self._reporters:
            reporter.event(name, **fields)

    def warning(self, name: str, **fields: Any) -> None:
        """See `Reporter`."""
        for reporter in self._reporters:
            reporter.warning(name, **fields)

    def failure(self, name: str, error: Exception, **fields: Any) -> None:
        """See `Reporter`."""
        for reporter in self._reporters:
            reporter.failure(name, error, **fields)

    def progress(self, what: str, done_bytes: int, total_bytes: int) -> None:
        """See `Reporter`."""
        for reporter in self._reporters:
            reporter.progress(what, done_bytes, total_bytes)
