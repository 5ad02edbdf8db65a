"""Looks at a snapshot's files, and finds out which pieces of it are stored already."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from backup_core.model import Snapshot, SourceFile
from backup_core.repository.incremental.catalogue import Catalogue
from backup_core.repository.incremental.pieces import KnownObject, Piece, pieces_of
from backup_core.repository.incremental.planning import stored_as, undecided, usable
from backup_core.repository.incremental.progress import SharedProgress
from backup_core.source_files import FileIdentity, SourceDirectory


PIECES_AT_ONCE = 100
"""To ask the catalogue of each file by itself would take most of the time."""


class Survey:
    """A survey of one snapshot.

    Args:
        catalogue: of the repository.
        table_id: of the table.
        source: the snapshot's directory.
        progress: hears of what needn't be sent.
        encrypted_to: whoever must be able to read its objects.
        damaged: names of objects that can't be used.

    Attributes:
        inodes: of the files that were looked at.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        table_id: str,
        source: SourceDirectory,
        progress: SharedProgress,
        *,
        encrypted_to: tuple[str, ...],
        damaged: Iterable[str],
    ) -> None:
        self.inodes: set[int] = set()
        self._catalogue = catalogue
        self._table_id = table_id
        self._source = source
        self._progress = progress
        self._encrypted_to = encrypted_to
        self._unusable = set(damaged)

    def pieces(self, snapshot: Snapshot) -> Iterator[tuple[Piece, KnownObject | None]]:
        """Each piece, and the object that it is stored as; None where it has to be sent. No object comes twice.

        Raises:
            SourceError, PermissionDeniedError: a file is gone, or can't be read.
            StorageError: the catalogue can't be used.
            RunCancelledError: the token was set.
        """
        pieces = pieces_of(snapshot)
        while batch := tuple(islice(pieces, PIECES_AT_ONCE)):
            known = self._hashes(batch)
            for piece in batch:
                found = self._find(piece, known)
                if found is not None:
                    self._unusable.add(found.stored.name)
                yield piece, found

    def _find(self, piece: Piece, known: Mapping[str, str]) -> KnownObject | None:
        objects = usable(self._candidates(piece, known), encrypted_to=self._encrypted_to, unusable=self._unusable)
        unread = undecided(piece, known, objects)
        if unread:
            known = {**known, **self._read(unread)}
        found = stored_as(piece, known, objects)
        if found is not None:
            self._progress.skip(piece.size_bytes - sum(file.size_bytes for file in unread))
        return found

    def _candidates(self, piece: Piece, known: Mapping[str, str]) -> tuple[KnownObject, ...]:
        sha256 = known.get(piece.files[0].name) if piece.role == "data" else None
        if sha256 is not None:
            return self._catalogue.objects_with(self._table_id, sha256)
        return self._catalogue.objects_of(self._table_id, piece.role, piece.generation)

    def _hashes(self, pieces: Iterable[Piece]) -> dict[str, str]:
        """SHA-256 of those files that were read before, by name."""
        identities = {file.name: self._source.identity(file) for piece in pieces for file in piece.files}
        self.inodes.update(identity.inode for identity in identities.values())
        hashes = self._catalogue.hashes(identities.values())
        return {name: hashes[identity] for name, identity in identities.items() if identity in hashes}

    def _read(self, files: Iterable[SourceFile]) -> dict[str, str]:
        known: dict[str, str] = {}
        identities: dict[FileIdentity, str] = {}
        for file in files:
            with self._source.open(file) as content:
                for _ in content.blocks():
                    pass
                known[file.name] = identities[content.identity] = content.sha256()
        self._catalogue.add_files(self._table_id, identities)
        return known
