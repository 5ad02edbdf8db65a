"""Stores a table's snapshot in incremental mode: what is stored is used, the rest is sent, the manifest last."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from backup_core.events import CATALOGUE_REBUILT, OBJECTS_PLANNED
from backup_core.model import Snapshot, StoredBackup, VerifiedTable
from backup_core.repository.incremental.contents import StoredPiece, digests_compared_at, incremental_contents
from backup_core.repository.incremental.losses import Losses, read_losses
from backup_core.repository.incremental.outgoing import Outgoing
from backup_core.repository.incremental.own_manifests import OwnManifests
from backup_core.repository.incremental.pieces import Piece
from backup_core.repository.incremental.progress import SharedProgress
from backup_core.repository.incremental.publishing import publish
from backup_core.repository.incremental.rebuilding import rebuild_catalogue
from backup_core.repository.incremental.sending import Destination, GoOn, Sender
from backup_core.repository.incremental.surveying import Survey
from backup_core.repository.protocol import SnapshotPace
from backup_core.repository.recording import TableFacts, build_manifest
from backup_core.repository.summary import Summary, Verified
from backup_core.source_files import SourceDirectory
from backup_core.step import Interruptible


OpenDirectory = Callable[[Callable[[int], None]], SourceDirectory]
"""Opens the snapshot's directory for whoever tells how far it has read."""


@dataclass(frozen=True, slots=True)
class Storing:
    """The storing of one table.

    Attributes:
        repository: its name.
        destination: where the table goes.
        own: remembers what manifests were put.
        context: its reporter, clock and cancel token are used.
    """

    repository: str
    destination: Destination
    own: OwnManifests
    context: Interruptible

    def store(self, table: VerifiedTable, pace: SnapshotPace) -> StoredBackup:
        """Store and publish a snapshot; nothing is listed if this raises, and what was sent by then is used again.

        Args:
            table: what to store, whose lock the caller holds.
            pace: hears how far it has come.

        Raises:
            SourceError, PermissionDeniedError: its files can't be read, aren't what they were, or a digest is wrong.
            StorageError: the store or the catalogue can't be used; or there is such a backup.
            RunCancelledError: a signal.
        """
        losses = self._known_losses()
        open_directory = partial(SourceDirectory, table.snapshot.directory, cancel=self.context.cancel)
        progress = SharedProgress(pace)
        found, missing, inodes = self._survey(table.snapshot, losses, open_directory, progress)
        outgoing = partial(self._outgoing, open_directory, progress)
        sender = Sender(self.destination, outgoing, taken=losses.damaged, context=self.context)
        # The largest first: whatever comes last would be waited for alone.
        sent = sender.send(sorted(missing, key=lambda piece: piece.size_bytes, reverse=True))
        summary = self._publish(table, found, sent)
        self.destination.catalogue.keep_files(table.snapshot.table.id, inodes)
        return StoredBackup(
            repository=self.repository,
            table=table.snapshot.table,
            tag=summary.tag,
            location=f"{self.destination.storage.address}/{self.destination.keys.manifest(summary.tag)}",
            size_bytes=summary.size_bytes,
            plain_size_bytes=summary.plain_size_bytes,
            snapshot_at=summary.snapshot_at,
        )

    def _known_losses(self) -> Losses:
        """What must not be used; the catalogue knows everything else by then."""
        storage, keys, catalogue = self.destination.storage, self.destination.keys, self.destination.catalogue
        losses = read_losses(storage, keys)
        if catalogue.knows(keys.table_id, losses.removed_at):
            return losses
        if objects := rebuild_catalogue(storage, keys, catalogue, losses.removed_at):
            self.context.reporter.event(
                CATALOGUE_REBUILT, table=keys.table_name, repository=self.repository, objects=objects
            )
        return losses

    def _outgoing(self, open_directory: OpenDirectory, progress: SharedProgress, piece: Piece, go_on: GoOn) -> Outgoing:
        def open_source() -> SourceDirectory:
            heard = progress.of_reader()

            def on_progress(read_bytes: int) -> None:
                go_on()
                heard(read_bytes)

            return open_directory(on_progress)

        return Outgoing(piece, open_source, self.context.clock.now, self.destination.encoding)

    def _publish(self, table: VerifiedTable, found: list[StoredPiece], sent: list[StoredPiece]) -> Summary:
        destination, now = self.destination, self.context.clock.now()
        contents = incremental_contents(table.schema, found, sent, destination.encoding.recipients.keys)
        verified = Verified(structure=table.verified_at, digest=digests_compared_at(contents.objects, now))
        manifest = build_manifest(TableFacts.of(table, verified), contents, now)
        return publish(destination.storage, destination.keys, manifest, self.own, now)

    def _survey(
        self, snapshot: Snapshot, losses: Losses, open_directory: OpenDirectory, progress: SharedProgress
    ) -> tuple[list[StoredPiece], list[Piece], set[int]]:
        found: list[StoredPiece] = []
        missing: list[Piece] = []
        with open_directory(progress.of_reader()) as source:
            survey = Survey(
                self.destination.catalogue,
                snapshot.table.id,
                source,
                progress,
                encrypted_to=self.destination.encoding.recipients.keys,
                damaged=losses.damaged,
            )
            for piece, known in survey.pieces(snapshot):
                if known is None:
                    missing.append(piece)
                else:
                    found.append((piece, known))
        self.context.reporter.event(
            OBJECTS_PLANNED,
            table=snapshot.table.name,
            repository=self.repository,
            stored=len(found),
            stored_bytes=_size_bytes(piece for piece, _ in found),
            missing=len(missing),
            missing_bytes=_size_bytes(missing),
        )
        return found, missing, survey.inodes


def _size_bytes(pieces: Iterable[Piece]) -> int:
    return sum(piece.size_bytes for piece in pieces)
