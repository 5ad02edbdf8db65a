"""What copying is given: two repositories, and what else is somebody's to decide."""

from dataclasses import dataclass
from pathlib import Path

from backup_core.cancel import CancelToken
from backup_core.clock import Clock
from backup_core.events import Reporter
from backup_core.floor import Floor
from backup_core.repository.protocol import Locks, Repository
from backup_core.throttle import Throttle


@dataclass(frozen=True, slots=True)
class CopyContext:
    """Where backups are copied from and to.

    Attributes:
        source: open for reading.
        target: open, and of the same host.
        locks: of this machine's tables.
        floor: how much space stays free.
        throttle: how fast backups are read.
        spool: a directory for what has to be unpacked on its way, made where it is needed.
    """

    source: Repository
    target: Repository
    locks: Locks
    floor: Floor
    throttle: Throttle
    spool: Path
    clock: Clock
    reporter: Reporter
    cancel: CancelToken

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """Those that are filled."""
        return (self.target,)
