"""Takes a backup of another incremental repository as it is stored there: what isn't here is put, the manifest last.

Objects may get other names here, and what is here already is used; all else of the manifest stays as it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from backup_core.errors import ManifestError
from backup_core.events import OBJECTS_PLANNED
from backup_core.model import StoredBackup, Table
from backup_core.repository.incremental.forwarding import Forwarded
from backup_core.repository.incremental.losses import Losses, read_losses
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.incremental.pieces import KnownObject
from backup_core.repository.incremental.planning import same_content
from backup_core.repository.incremental.progress import SharedProgress
from backup_core.repository.incremental.publishing import publish
from backup_core.repository.incremental.rebuilding import known_objects, rebuild_catalogue
from backup_core.repository.incremental.sending import Destination, GoOn, Sender
from backup_core.repository.manifest import Manifest, Sent
from backup_core.repository.protocol import ReadStored, SnapshotPace
from backup_core.step import Interruptible


@dataclass(frozen=True, slots=True)
class Receiving:
    """The receiving of one backup.

    Attributes:
        repository: its name.
        destination: where the backup goes.
        own: remembers what manifests were put.
        context: its reporter, clock and cancel token are used.
    """

    repository: str
    destination: Destination
    own: OwnManifests
    context: Interruptible

    def receive(self, manifest: Manifest, read_stored: ReadStored, pace: SnapshotPace) -> StoredBackup:
        """Store and publish a backup; nothing is listed if this raises, and what was sent by then is used again.

        Args:
            manifest: as the other repository has it, encrypted to whom this one encrypts.
            read_stored: gives its objects.
            pace: hears how far it has come.

        Raises:
            ManifestError: it names what is no object of a backup.
            IntegrityError: an object isn't the one that was stored there.
            StorageError: one of the stores or the catalogue can't be used; or there is such a backup.
            RunCancelledError: a signal.
        """
        losses = self._current_losses()
        progress = SharedProgress(pace)
        found, missing = self._survey(manifest, losses, progress)
        sendable = partial(_forwarded, read_stored, progress)
        sender = Sender(self.destination, sendable, taken=losses.damaged, context=self.context)
        # The largest first: whatever comes last would be waited for alone.
        missing.sort(key=lambda each: each.stored.stored_size_bytes, reverse=True)
        sent = {source.stored.name: known for source, known in sender.send(missing)}
        copy = _renamed(manifest, found | sent, sent.values())
        destination = self.destination
        summary = publish(destination.storage, destination.keys, copy, self.own, self.context.clock.now())
        return StoredBackup(
            repository=self.repository,
            table=Table(summary.table, summary.table_id),
            tag=summary.tag,
            location=f"{destination.storage.address}/{destination.keys.manifest(summary.tag)}",
            size_bytes=summary.size_bytes,
            plain_size_bytes=summary.plain_size_bytes,
            snapshot_at=summary.snapshot_at,
        )

    def _current_losses(self) -> Losses:
        """What must not be used; the catalogue knows everything else by then, whoever has put it there."""
        storage, keys = self.destination.storage, self.destination.keys
        losses = read_losses(storage, keys)
        rebuild_catalogue(storage, keys, self.destination.catalogue, losses.removed_at)
        return losses

    def _survey(
        self, manifest: Manifest, losses: Losses, progress: SharedProgress
    ) -> tuple[dict[str, KnownObject], list[KnownObject]]:
        """What is here of a backup's objects, by the names that they have there, and what isn't."""
        found: dict[str, KnownObject] = {}
        missing: list[KnownObject] = []
        unusable = set(losses.damaged)
        for source in known_objects(manifest):
            self._require_object(source.stored.name, source.stored.role)
            here = same_content(source, self._candidates(source), unusable=unusable)
            if here is None:
                missing.append(source)
                continue
            unusable.add(here.stored.name)
            found[source.stored.name] = here
            progress.skip(source.stored.stored_size_bytes)
        self.context.reporter.event(
            OBJECTS_PLANNED,
            table=manifest.table.name,
            repository=self.repository,
            stored=len(found),
            stored_bytes=sum(each.stored.plain_size_bytes for each in found.values()),
            missing=len(missing),
            missing_bytes=sum(each.stored.plain_size_bytes for each in missing),
        )
        return found, missing

    def _candidates(self, source: KnownObject) -> tuple[KnownObject, ...]:
        return self.destination.catalogue.objects_with(self.destination.keys.table_id, source.stored.plain_sha256)

    def _require_object(self, name: str, role: str) -> None:
        """What the sweep wouldn't take for ours must not get in."""
        keys = self.destination.keys
        if role not in {"data", "components"} or not keys.is_own(keys.object(name)):
            raise ManifestError(f"The manifest names {name!r}, which is no object of a backup.")


def _forwarded(read_stored: ReadStored, progress: SharedProgress, source: KnownObject, go_on: GoOn) -> Forwarded:
    return Forwarded(source, read_stored, progress.of_reader, go_on)


def _renamed(manifest: Manifest, here: Mapping[str, KnownObject], sent: Iterable[KnownObject]) -> Manifest:
    """The manifest with the objects as they are here."""
    new = [known.stored for known in sent]
    objects = tuple(here[stored.name].stored for stored in manifest.objects)
    files = tuple(replace(file, object=here[file.object or ""].stored.name) for file in manifest.files)
    told = Sent(objects=len(new), size_bytes=sum(stored.stored_size_bytes for stored in new))
    return manifest.model_copy(update={"objects": objects, "files": files, "sent": told})
