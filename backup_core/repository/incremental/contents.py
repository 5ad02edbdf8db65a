"""What a manifest says of a snapshot whose pieces are objects."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from backup_core.model import TableSchema
from backup_core.repository.incremental.pieces import KnownObject, Piece
from backup_core.repository.manifest import ArchivedFile, SchemaTexts, Sent, StoredObject
from backup_core.repository.recording import Contents


StoredPiece = tuple[Piece, KnownObject]
"""A piece of a snapshot, and the object that it is stored as."""


def incremental_contents(
    schema: TableSchema, found: Iterable[StoredPiece], sent: Iterable[StoredPiece], encrypted_to: tuple[str, ...]
) -> Contents:
    """What a manifest in incremental mode says of what is stored.

    Args:
        schema: of the table.
        found: what was stored before.
        sent: what wasn't.
        encrypted_to: public keys whose identities can read all of it.
    """
    new = tuple(sent)
    pieces = sorted((*found, *new), key=lambda each: (each[0].generation, each[1].stored.name))
    return Contents(
        objects=tuple(known.stored for _, known in pieces),
        files=tuple(file for piece, known in pieces for file in _files(piece, known)),
        mode="incremental",
        table_schema=SchemaTexts(table=schema.ddl, views=schema.views, description=dict(schema.description)),
        encrypted_to=encrypted_to,
        sent=Sent(objects=len(new), size_bytes=sum(known.stored.stored_size_bytes for _, known in new)),
    )


def digests_compared_at(objects: Iterable[StoredObject], now: datetime) -> datetime | None:
    """Since when every Data.db has been held against its digest; None if that isn't known of one.

    Args:
        objects: all of a backup.
        now: what holds where there is none.
    """
    read_at = [stored.read_at for stored in objects if stored.role == "data"]
    known = [moment for moment in read_at if moment is not None]
    return min(known, default=now) if len(known) == len(read_at) else None


def _files(piece: Piece, known: KnownObject) -> Iterator[ArchivedFile]:
    if piece.role != "data":
        yield from known.files
        return
    stored = known.stored
    for file in piece.files:
        yield ArchivedFile(name=file.name, size_bytes=file.size_bytes, sha256=stored.plain_sha256, object=stored.name)
