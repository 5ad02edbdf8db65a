"""Where the server for metrics listens: from the start on, and from a reload on somewhere else, or still there."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from backup_core.errors import SettingsError
from backup_core.events import METRICS_UNAVAILABLE, Reporter
from daemon.health import HealthServer, Problems
from daemon.settings_observability import parse_listen


class Listening:
    """The one server that there is, or none.

    Args:
        registry: what `/metrics` shows.
        problems: what `/healthz` says.
        reporter: hears if the address can't be had at the start.

    Attributes:
        server: None where none is wanted, or where it couldn't be had.
    """

    def __init__(self, registry: CollectorRegistry, problems: Problems, reporter: Reporter) -> None:
        self._registry = registry
        self._problems = problems
        self._reporter = reporter
        self._listen = ""
        self.server: HealthServer | None = None

    def begin(self, listen: str) -> None:
        """Listen where `metrics.listen` says; where that can't be had, it is reported and stops no backup."""
        self._listen = listen
        try:
            self.server = self._open(listen)
        except SettingsError as error:
            self._reporter.failure(METRICS_UNAVAILABLE, error, listen=listen)

    @contextmanager
    def moving(self, listen: str) -> Iterator[None]:
        """Listen there once the block is done; if that can't be had, or the block fails, all stays as it was.

        Raises:
            SettingsError: the address can't be had.
        """
        if listen == self._listen:
            yield
            return
        former, former_listen = self.server, self._listen
        # On the same port, what listens on all addresses and what listens on one are in each other's way.
        in_the_way = former is not None and _port(listen) == former.address[1]
        if in_the_way:
            self.close()
        server = None
        try:
            server = self._open(listen)
            yield
        except BaseException:
            if server is not None:
                server.close()
            if in_the_way:
                self.begin(former_listen)
            raise
        self.close()
        self.server, self._listen = server, listen

    def close(self) -> None:
        """Listen no more."""
        if self.server is not None:
            self.server.close()
            self.server = None

    def _open(self, listen: str) -> HealthServer | None:
        address = parse_listen(listen)
        if address is None:
            return None
        try:
            return HealthServer(address, self._registry, self._problems)
        except OSError as error:
            raise SettingsError(
                f"metrics.listen: {listen} can't be had: {error.strerror or error}.",
                hint="Look what else listens there (ss -ltnp), or choose another port; backups go on without it.",
            ) from error


def _port(listen: str) -> int | None:
    address = parse_listen(listen)
    return None if address is None else address[1]
