"""The sweep of one table id: what is there, what of it backups need, and what goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from backup_core.errors import ManifestError, StorageError
from backup_core.repository.incremental.catalogue import Catalogue
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.losses import Losses, read_losses, write_losses
from backup_core.repository.incremental.manifests import manifest_tags, read_manifest
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.storage.protocol import ObjectInfo, Storage
from backup_core.repository.timestamps import timestamp


@dataclass(slots=True)
class TableSweep:
    """One sweep, made once.

    Attributes:
        storage: where the table's objects are.
        keys: of the table id, whose lock is held.
        catalogue: forgets what goes, before it goes; None where no run is ever made.
        own: knows of manifests that a listing may leave out.
        grace: what is younger stays, by the store's own clock.
        now: the time.
        removed: the objects that went.
        postponed: why something stays though it could go; empty otherwise.
        vanished: tags of backups that this node has made, and that somebody else has removed.
    """

    storage: Storage
    keys: TableKeys
    catalogue: Catalogue | None
    own: OwnManifests
    grace: timedelta
    now: datetime
    removed: list[ObjectInfo] = field(default_factory=list)
    postponed: str = ""
    vanished: tuple[str, ...] = ()
    _tags: set[str] = field(default_factory=set)
    _needed: set[str] = field(default_factory=set)

    def sweep(self) -> None:
        """Remove what nobody needs.

        Raises:
            ManifestError: a manifest can't be read; nothing was removed.
            BackupError: as the store refuses; the next sweep goes on.
        """
        # Objects first: what is put while manifests are read, nobody takes for superfluous.
        objects = {info.key: info for info in self.storage.list(self.keys.objects) if self.keys.is_own(info.key)}
        beside = tuple(self.storage.list(self.keys.backups))
        self._read({tag for info in beside if (tag := self.keys.tag_of(info.key))})
        if not self._hears_of_unlisted({info.key for info in beside}):
            self.postponed = "a backup that was just made isn't listed yet, or was never finished"
            return
        superfluous = [info for key, info in objects.items() if key not in self._needed]
        superfluous += [info for info in beside if self._is_debris(info)]
        self._remove(superfluous, read_losses(self.storage, self.keys), objects.keys() | self._needed)

    def _read(self, tags: Iterable[str]) -> None:
        """Take in what backups need, those of which there is a manifest."""
        for tag in sorted(tags):
            try:
                manifest = read_manifest(self.storage, self.keys, tag, None)
            except ManifestError as error:
                raise ManifestError(
                    f"Nothing of {self.keys.table_name} is swept: {error.message}",
                    hint=error.hint or "Look at that backup, and remove its manifest if it is of no use any more.",
                ) from error
            if manifest is not None:
                self._tags.add(tag)
                self._needed.update(self.keys.object(stored.name) for stored in manifest.objects)

    def _hears_of_unlisted(self, listed: set[str]) -> bool:
        """Ask for backups of ours that the listing has left out; whether it can't have left out any other."""
        written = [each for each in self.own.of_table(self.keys.table_id) if each.tag not in self._tags]
        self._read({each.tag for each in written})
        gone = [each for each in written if each.tag not in self._tags]
        if any(abs(self.now - each.recorded_at) < self.grace for each in gone):
            return False
        # A run that dies leaves a summary where its manifest would have come.
        self.vanished = tuple(sorted({each.tag for each in gone if self.keys.summary(each.tag) not in listed}))
        self.own.drop(self.keys.table_id, [each.tag for each in gone])
        return True

    def _is_debris(self, info: ObjectInfo) -> bool:
        named = self.keys.beside(info.key)
        return named is not None and named[0] not in self._tags

    def _remove(self, superfluous: list[ObjectInfo], losses: Losses, usable: set[str]) -> None:
        # What a manifest still names must not be used again, though it may be gone.
        damaged = {name: found for name, found in losses.damaged.items() if self.keys.object(name) in usable}
        if not superfluous:
            if damaged != losses.damaged:
                write_losses(self.storage, self.keys, replace(losses, damaged=damaged))
            return
        # Before anything goes: a catalogue that doesn't hear of it isn't believed any more.
        write_losses(self.storage, self.keys, Losses(damaged, timestamp(self.now)))
        going = self._old(superfluous)
        objects = [info for info in going if info.key.startswith(self.keys.objects)]
        self._forget(objects, losses.removed_at)
        if manifest_tags(self.storage, self.keys) - self._tags:
            self.postponed = "another backup was made meanwhile"
            return
        self.storage.delete(info.key for info in going)
        self.removed = objects

    def _old(self, superfluous: Iterable[ObjectInfo]) -> list[ObjectInfo]:
        """What is older than the grace time: both times are the store's, whatever this machine's clock says."""
        written = self.storage.stat(self.keys.damaged)
        if written is None:
            raise StorageError(f"{self.storage.address}/{self.keys.damaged} isn't there, though it was just put")
        return [info for info in superfluous if written.modified_at - info.modified_at > self.grace]

    def _forget(self, objects: Iterable[ObjectInfo], removed_before: str) -> None:
        if self.catalogue is None:
            return
        names = [info.key.removeprefix(self.keys.objects) for info in objects]
        # A catalogue that wasn't believed before isn't believed by hearing of this.
        is_trusted = self.catalogue.knows(self.keys.table_id, removed_before)
        self.catalogue.drop(self.keys.table_id, names, timestamp(self.now) if is_trusted else None)
