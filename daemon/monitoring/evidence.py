"""Everything that `check` judges by, gathered first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backup_core.clock import SystemClock
from backup_core.errors import BackupError, NotFoundError, RunCancelledError
from backup_core.events import SilentReporter
from backup_core.journal import JournalEntry
from backup_core.repository.listing import BackupListing
from backup_core.repository.protocol import Repository
from backup_core.restore.drill_results import TableDrills
from daemon.drills import drill_records
from daemon.history_file import HISTORY_NAME
from daemon.history_reading import Remembered, remembered
from daemon.invocation import Invocation
from daemon.monitoring.service_status import service_status
from daemon.monitoring.surroundings import node_api, tables_on_node
from daemon.repositories import repositories
from daemon.schedules import Schedule, schedules
from daemon.state import state_directory
from daemon.wiring import snapshot_journal


Stored = Mapping[str, Sequence[BackupListing]]
"""The backups of a repository, by table."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found.

    Attributes:
        stored: what each repository has, by its name; nothing of one that can't be read.
        missing: what is to be said of repositories that aren't there.
        unread: what is to be said of repositories that are there and can't be read.
        on_node: names of the node's tables; None if it wasn't asked or didn't answer.
        history: runs and errors, as far as they are remembered.
        stale: snapshots that runs have left that are dead.
        drills: of each table that ever had one.
        broken_entries: what is to be said of entries of the journal that nobody can read.
        reload_error: why the daemon goes by older settings than the file's; empty if it doesn't.
    """

    now: datetime
    stored: Mapping[str, Stored]
    schedules: tuple[Schedule, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    on_node: tuple[str, ...] | None = None
    history: Remembered = field(default_factory=Remembered)
    stale: tuple[JournalEntry, ...] = ()
    broken_entries: tuple[str, ...] = ()
    reload_error: str = ""
    drills: tuple[TableDrills, ...] = ()


def gather(invocation: Invocation, *, ask_node: bool) -> Evidence:
    """Look at repositories, history, journal and daemon, and at the node's tables where they matter.

    Raises:
        BackupError: something without which nothing can be judged can't be read.
    """
    settings, cancel = invocation.settings, invocation.cancel
    state = state_directory(settings)
    stored: dict[str, Stored] = {}
    missing: list[str] = []
    unread: list[str] = []
    with node_api(settings, cancel) as rest:
        for repository in repositories(settings, SilentReporter(), host_id=rest.host_id, cancel=cancel):
            try:
                stored[repository.name] = _backups(repository)
            except NotFoundError as error:
                stored[repository.name] = {}
                missing.append(error.message)
            except BackupError as error:
                unread.append(str(error))
    broken: list[BackupError] = []
    entries = snapshot_journal(settings).entries(broken.append)
    return Evidence(
        now=SystemClock().now(),
        stored=stored,
        schedules=schedules(settings),
        missing=tuple(missing),
        unread=tuple(unread),
        on_node=_on_node(invocation) if ask_node else None,
        history=remembered(state / HISTORY_NAME),
        stale=tuple(entry for entry, alive in entries if not alive),
        broken_entries=tuple(map(str, broken)),
        reload_error=service_status(state).reload_error,
        drills=drill_records(settings).all(),
    )


def _backups(repository: Repository) -> Stored:
    repository.open_read_only()
    found: dict[str, list[BackupListing]] = defaultdict(list)
    for listing in repository.backups():
        found[listing.table].append(listing)
    return found


def _on_node(invocation: Invocation) -> tuple[str, ...] | None:
    try:
        return tables_on_node(invocation.settings, invocation.cancel)
    except RunCancelledError:
        raise
    except BackupError:
        return None
