"""What every step is given: the node's clients, the repositories, and what else the predecessor had in globals."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.events import Reporter
from backup_core.floor import Floor
from backup_core.journal import Journal
from backup_core.lock import TableLocks
from backup_core.node.rest import RestClient
from backup_core.repository.protocol import Repository
from backup_core.restore_records import RestoreRecords
from backup_core.snapshot_driver import SnapshotDriver
from backup_core.step import Interruptible
from backup_core.throttle import Throttle


if TYPE_CHECKING:
    from backup_core.node.alternator import AlternatorClient
    from backup_core.node.cql import CqlClient


@dataclass(frozen=True, slots=True)
class Context:
    """One node, and where its backups go.

    Attributes:
        data_directories: the node's; empty if the node is to be asked.
        floor: how much space stays free.
        throttle: how fast the data disk is read.
        parallel_tables: how many tables are stored at a time.
        restores: which tables a restore has made and not finished.
        restore_staging: where restores keep checked files; beside the first data directory if None.
        late_snapshot_seconds: how long to wait for a snapshot whose request timed out.
        index_memory_seconds: how long to wait at most until a server on tablets has forgotten a dropped table's
            indexes.
    """

    alternator: "AlternatorClient"
    cql: "CqlClient"
    rest: RestClient
    snapshots: SnapshotDriver
    data_directories: tuple[Path, ...]
    repositories: tuple[Repository, ...]
    journal: Journal
    restores: RestoreRecords
    restore_staging: Path | None
    locks: TableLocks
    floor: Floor
    throttle: Throttle
    parallel_tables: int
    late_snapshot_seconds: float
    index_memory_seconds: float
    clock: Clock
    reporter: Reporter
    cancel: CancelToken


class Filling(Interruptible, Protocol):
    """Whoever fills repositories without harm to their disks, such as a `Context`."""

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """Where backups go."""

    @property
    def floor(self) -> Floor:
        """How much space stays free on a disk."""

    @property
    def throttle(self) -> Throttle:
        """How fast files are read."""
