"""Removes what only removed backups needed: objects that no manifest names, and what is left beside no manifest.

A table's lock is held while it is swept: no run is about to use what goes. A manifest that can't be read stops it: what
that one needs, nobody knows. The grace time and the second look are for what no lock of this node can know of: a
listing that lags, and somebody else who writes where one host alone should.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from backup_core.errors import BackupError, LockHeldError, RunCancelledError
from backup_core.events import BACKUPS_VANISHED, OBJECTS_REMOVED, SWEEP_POSTPONED, Reporter
from backup_core.repository.incremental.catalogue import Catalogue
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.listing import table_ids
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.incremental.table_sweep import TableSweep
from backup_core.repository.protocol import Locks
from backup_core.repository.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class Swept:
    """What came of the sweep of a table.

    Attributes:
        table: its name.
        objects: how many were removed.
        size_bytes: of those.
        postponed: why something stays though it could go; empty otherwise.
        vanished: tags of backups that this node has made, and that somebody else has removed.
    """

    table: str
    objects: int = 0
    size_bytes: int = 0
    postponed: str = ""
    vanished: tuple[str, ...] = ()

    def told(self, reporter: Reporter, repository: str) -> Self:
        """The same, when it has been told, if there is anything to tell."""
        fields = {"repository": repository, "table": self.table}
        if self.postponed:
            reporter.event(SWEEP_POSTPONED, **fields, reason=self.postponed)
        if self.vanished:
            reporter.warning(BACKUPS_VANISHED, **fields, tags=self.vanished)
        if self.objects:
            reporter.event(OBJECTS_REMOVED, **fields, objects=self.objects, size_bytes=self.size_bytes)
        return self


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps tables of one repository; attributes as of `TableSweep`."""

    storage: Storage
    catalogue: Catalogue | None
    own: OwnManifests
    grace: timedelta

    def sweep(self, table_names: Iterable[str], now: datetime, locks: Locks) -> Iterator[Swept]:
        """Sweep tables, under each id that they have had; one that fails doesn't stop the others.

        Args:
            table_names: the tables.
            now: the time.
            locks: of this node's tables.

        Raises:
            BackupError: at the end, the first that ended the work on a table.
        """
        failed: list[BackupError] = []
        for name in table_names:
            try:
                with locks.hold(name):
                    for keys in table_ids(self.storage, name):
                        yield self._swept(keys, now)
            except LockHeldError as error:
                yield Swept(name, postponed=error.message)
            except RunCancelledError:
                raise
            except BackupError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _swept(self, keys: TableKeys, now: datetime) -> Swept:
        sweep = TableSweep(self.storage, keys, self.catalogue, self.own, self.grace, now)
        sweep.sweep()
        size_bytes = sum(info.size_bytes for info in sweep.removed)
        return Swept(keys.table_name, len(sweep.removed), size_bytes, sweep.postponed, sweep.vanished)
