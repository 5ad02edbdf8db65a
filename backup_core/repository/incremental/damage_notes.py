"""Writes down damage that was found: beside every backup that needs the object, and so that no run uses it again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from backup_core.errors import BackupError, IntegrityError, ManifestError, RunCancelledError
from backup_core.repository import layout
from backup_core.repository.damage import damage_content, note_damage
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.listing import list_backups
from backup_core.repository.incremental.losses import read_losses, write_losses
from backup_core.repository.incremental.manifests import read_manifest
from backup_core.repository.incremental.notes import write_note
from backup_core.repository.listing import BackupListing, BackupStatus
from backup_core.repository.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class DamageNotes:
    """What is written down of one table's damage.

    Attributes:
        found_at: when it is looked for.
    """

    storage: Storage
    keys: TableKeys
    found_at: datetime

    def write(self, listing: BackupListing, found: IntegrityError, objects: Mapping[str, str]) -> None:
        """Write down what a verification has found; where that can't be done, the error says that, too.

        Args:
            listing: the backup that was verified.
            found: what the verification ends with, as `verification.damaged` makes it.
            objects: what is wrong with objects, by their names; none where only the manifest is.
        """
        if listing.status is BackupStatus.COMPLETE:
            note_damage(found, self.found_at, lambda content: self._note(listing.tag, content))
        if not objects:
            return
        try:
            self._lose(objects)
            self._note_others(listing.tag, objects)
        except RunCancelledError:
            raise
        except BackupError as error:
            unnoted = f"not every backup that needs it could be marked: {error.message}"
            found.context["problems"] = (*found.context["problems"], unnoted)

    def withdraw(self, tag: str, names: set[str]) -> None:
        """Take back what was written of a backup, and of its objects: all of them were read and found right.

        Raises:
            BackupError: as the store refuses.
        """
        self.storage.delete((self.keys.note(tag, layout.DAMAGE),))
        losses = read_losses(self.storage, self.keys)
        if losses.damaged.keys() & names:
            damaged = {name: problem for name, problem in losses.damaged.items() if name not in names}
            write_losses(self.storage, self.keys, replace(losses, damaged=damaged))

    def _note(self, tag: str, content: bytes) -> None:
        write_note(self.storage, self.keys, tag, layout.DAMAGE, content)

    def _lose(self, objects: Mapping[str, str]) -> None:
        losses = read_losses(self.storage, self.keys)
        if objects.keys() - losses.damaged.keys():
            write_losses(self.storage, self.keys, replace(losses, damaged={**objects, **losses.damaged}))

    def _note_others(self, tag: str, objects: Mapping[str, str]) -> None:
        for other in list_backups(self.storage, self.keys.table_name):
            if other.id != self.keys.table_id or other.tag == tag or other.status is not BackupStatus.COMPLETE:
                continue
            needed = self._needed(other)
            problems = [problem for name, problem in objects.items() if name in needed]
            if problems:
                self._note(other.tag, damage_content("; ".join(problems), self.found_at))

    def _needed(self, listing: BackupListing) -> set[str]:
        """Names of the objects of a backup; none where its manifest can't be read: its own verification finds that."""
        try:
            manifest = read_manifest(self.storage, self.keys, listing.tag, listing.manifest_sha256)
        except ManifestError:
            return set()
        return {stored.name for stored in manifest.objects} if manifest else set()
