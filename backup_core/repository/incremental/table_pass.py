"""What one pass of verifications knows of a table's objects: what the store lists, and what was read when."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.losses import read_losses
from backup_core.repository.incremental.object_reads import read_object_reads, write_object_reads
from backup_core.repository.manifest import StoredObject
from backup_core.repository.sampling import longest_unread
from backup_core.repository.storage.protocol import ObjectInfo, Storage
from backup_core.repository.verification import Depth


@dataclass(slots=True)
class TablePass:
    """Objects of one table id, by their names.

    Attributes:
        listed: as the store has told of them.
        read_before: when each was last read in former passes.
        damaged: those that are known to be so: a sample needn't look again.
        read_now: when, in this one.
        right: what was read in this one, as manifests have it.
    """

    storage: Storage
    keys: TableKeys
    listed: dict[str, ObjectInfo]
    read_before: dict[str, datetime]
    damaged: frozenset[str]
    read_now: dict[str, datetime] = field(default_factory=dict)
    right: set[StoredObject] = field(default_factory=set)

    @classmethod
    def begin(cls, storage: Storage, keys: TableKeys) -> "TablePass":
        """List a table's objects, once for all of its backups.

        Raises:
            BackupError: as the store refuses.
        """
        listed = {info.key.removeprefix(keys.objects): info for info in storage.list(keys.objects)}
        damaged = frozenset(read_losses(storage, keys).damaged)
        return cls(storage, keys, listed, read_object_reads(storage, keys), damaged)

    def absent(self, objects: Iterable[StoredObject]) -> Iterator[tuple[str, str]]:
        """Names of objects that aren't there as they should be, and what is wrong with them.

        Raises:
            BackupError: as the store refuses.
        """
        for stored in objects:
            info = self.listed.get(stored.name)
            if info is None or info.size_bytes != stored.stored_size_bytes:
                # A listing may be late; a question for one object is not.
                info = self.storage.stat(self.keys.object(stored.name))
            if info is None:
                yield stored.name, f"{stored.name} is missing"
            elif info.size_bytes != stored.stored_size_bytes:
                yield stored.name, f"{stored.name} has {info.size_bytes} bytes instead of {stored.stored_size_bytes}"
            else:
                self.listed[stored.name] = info

    def due(self, objects: Sequence[StoredObject], depth: Depth) -> list[StoredObject]:
        """What of a backup's objects is to be read: as much as asked for, and what the store calls otherwise now.

        Args:
            objects: all that are there.
            depth: how much of them.
        """
        unknown = objects if depth.reads_all else [stored for stored in objects if stored.name not in self.damaged]
        chosen = longest_unread(
            unknown,
            depth.fraction,
            size_bytes=lambda stored: stored.stored_size_bytes,
            # Also sending one has read it, and the store has confirmed what it took.
            read_at=lambda stored: self.read_before.get(stored.name, stored.read_at),
            name=lambda stored: stored.name,
        )
        return list(dict.fromkeys([*chosen, *filter(self._is_changed, unknown)]))

    def found_right(self, objects: Iterable[StoredObject], read_at: datetime) -> None:
        """Objects were read and are what they should be: other backups of this pass needn't read them."""
        for stored in objects:
            self.right.add(stored)
            self.read_now[stored.name] = read_at

    def found_wrong(self, names: Iterable[str]) -> None:
        """Objects aren't what they were, whatever was found of them before."""
        for name in names:
            self.read_before.pop(name, None)
            self.read_now.pop(name, None)

    def write_down(self) -> None:
        """Write down what was read, for other passes.

        Raises:
            BackupError: as the store refuses.
        """
        reads = self.read_before | self.read_now
        write_object_reads(self.storage, self.keys, {name: at for name, at in reads.items() if name in self.listed})

    def read_since(self, objects: Iterable[StoredObject]) -> datetime | None:
        """Since when all of these have been read back; None while one never was."""
        moments = [self.read_now.get(stored.name) or self.read_before.get(stored.name) for stored in objects]
        return None if None in moments else min(filter(None, moments), default=None)

    def _is_changed(self, stored: StoredObject) -> bool:
        """Whether the store calls an object otherwise than when it was put, and nobody has read it since.

        That alone is no damage: a bucket that was copied calls everything otherwise.
        """
        info = self.listed[stored.name]
        if stored.etag is None or info.etag is None or info.etag == stored.etag:
            return False
        read_at = self.read_before.get(stored.name)
        return read_at is None or read_at <= info.modified_at
