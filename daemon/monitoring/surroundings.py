"""What `status` and `check` need to know of the node, which may be down: they ask it, but don't wait for long."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.errors import BackupError, RunCancelledError
from backup_core.events import SilentReporter
from backup_core.model import DEFAULT_DATA_DIRECTORY
from backup_core.node.rest import RestClient
from backup_core.table_id import get_all_tables
from daemon.settings_file import Settings
from daemon.wiring import node_context, rest_client


ANSWER_TIMEOUT_SECONDS = 3.0
"""A monitoring system gives a check 10 seconds in all, unless it is told otherwise."""


@contextmanager
def node_api(settings: Settings, cancel: CancelToken) -> Iterator[RestClient]:
    """A client of the REST API for the block."""
    with closing(rest_client(_impatient(settings), cancel)) as rest:
        yield rest


def data_directories(settings: Settings, rest: RestClient) -> tuple[Path, ...]:
    """The node's data directories: those of the settings, else those that it tells, else the packages' own."""
    if settings.node.data_dirs:
        return settings.node.data_dirs
    try:
        return tuple(Path(path) for path in rest.data_directories())
    except RunCancelledError:
        raise
    except BackupError:
        return (DEFAULT_DATA_DIRECTORY,) if DEFAULT_DATA_DIRECTORY.exists() else ()


def tables_on_node(settings: Settings, cancel: CancelToken) -> tuple[str, ...]:
    """Names of all Alternator tables.

    Raises:
        BackupError: the node doesn't tell.
    """
    with node_context(_impatient(settings), SilentReporter(), cancel) as context:
        return get_all_tables(context)


def _impatient(settings: Settings) -> Settings:
    seconds = min(settings.node.timeout_seconds, ANSWER_TIMEOUT_SECONDS)
    return settings.model_copy(update={"node": settings.node.model_copy(update={"timeout_seconds": seconds})})
