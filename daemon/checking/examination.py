"""Everything that the checks look at, each thing asked for once."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, RunCancelledError
from backup_core.events import SilentReporter
from backup_core.floor import Floor
from backup_core.node.alternator import AlternatorClient
from backup_core.node.cql import CqlClient, Row
from backup_core.repository.protocol import Repository
from daemon.repositories import repositories
from daemon.settings_file import Settings
from daemon.state import state_directory
from daemon.wiring import alternator_client, cql_client, nodetool, rest_client, snapshot_journal


T_co = TypeVar("T_co", covariant=True)


class Answer(Generic[T_co]):
    """What somebody answers when first asked, or the error that this ended in: a port that hangs hangs once."""

    def __init__(self, ask: Callable[[], T_co]) -> None:
        self._ask = ask
        self._result: tuple[T_co] | BackupError | None = None

    def get(self) -> T_co:
        """The answer. Raises the error, also when asked again."""
        result = self._asked()
        if isinstance(result, BackupError):
            raise result
        return result[0]

    @property
    def error(self) -> BackupError | None:
        """What asking ended in; None if there is an answer."""
        result = self._asked()
        return result if isinstance(result, BackupError) else None

    def _asked(self) -> tuple[T_co] | BackupError:
        if self._result is None:
            try:
                self._result = (self._ask(),)
            except RunCancelledError:
                raise
            except BackupError as error:
                self._result = error
        return self._result


class Examination:
    """One look at everything, as a context manager.

    Args:
        settings: what is in force.
        base: directory of the settings file, for relative paths.
        cancel: ends what waits.

    Attributes:
        client: of Alternator; its secret may have to be looked up over CQL first.
        alternator_tables: names of all tables, over Alternator.
        local: the node's own row of system.local, over CQL.
        tables: ids of all tables of the node, over CQL.
        nodetool: the command of the settings.
        host_id, version, alternator_port, directories_told: over the REST API.
        directories: the data directories: those of the settings, else those that the node tells.
        repositories: of the settings.
    """

    def __init__(self, settings: Settings, cancel: CancelToken) -> None:
        self._stack = ExitStack()
        cql = cql_client(settings, cancel)
        self._stack.callback(cql.close)
        rest = rest_client(settings, cancel)
        self._stack.callback(rest.close)
        self.settings = settings
        self.cancel = cancel
        self.floor = Floor.parse(settings.limits.min_free_space)
        self.state_directory = state_directory(settings)
        self.journal = snapshot_journal(settings)
        self.nodetool = nodetool(settings, cancel)
        self.client: Answer[AlternatorClient] = Answer(lambda: self._client(cql, cancel))
        self.alternator_tables = Answer(lambda: self.client.get().list_tables())
        self.local: Answer[Row] = Answer(cql.local)
        self.tables = Answer(cql.table_ids)
        self.host_id = Answer(rest.host_id)
        self.version = Answer(rest.scylla_version)
        self.alternator_port = Answer(lambda: int(rest.get(f"/v2/config/{_port_name(settings)}")))
        self.directories_told = Answer(lambda: tuple(Path(path) for path in rest.data_directories()))
        self.directories: Answer[tuple[Path, ...]] = Answer(
            lambda: settings.node.data_dirs or self.directories_told.get()
        )
        self.repositories = Answer(lambda: self._repositories(cancel))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _repositories(self, cancel: CancelToken) -> tuple[Repository, ...]:
        found = repositories(self.settings, SilentReporter(), host_id=self.host_id.get, cancel=cancel)
        for repository in found:
            self._stack.callback(repository.close)
        return found

    def _client(self, cql: CqlClient, cancel: CancelToken) -> AlternatorClient:
        client = alternator_client(self.settings, cql, cancel)
        self._stack.callback(client.close)
        return client


def _port_name(settings: Settings) -> str:
    return "alternator_https_port" if settings.alternator.endpoint.startswith("https:") else "alternator_port"
