"""The pieces of a snapshot that become an object each, the objects that are stored, and what these are called."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

from backup_core.model import Snapshot, SourceFile
from backup_core.repository.manifest import ArchivedFile, StoredObject
from backup_core.sstable_files import DATA


SNAPSHOT = "snapshot"
"""Stands where a generation would in the name of the object that holds the snapshot's own files."""

HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """Files of a snapshot that are one object.

    Attributes:
        role: "data" for a Data.db alone; "components" for a tar of others.
        generation: of the SSTable, or `SNAPSHOT`.
    """

    role: Literal["data", "components"]
    generation: str
    files: tuple[SourceFile, ...]

    @property
    def size_bytes(self) -> int:
        """Size of its files."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class KnownObject:
    """An object that is stored.

    Attributes:
        stored: as manifests have it.
        generation: of the piece that it was made of.
        encrypted_to: public keys whose identities can read it, sorted; none: it isn't encrypted.
        files: what is in it, by their names there; none for data, which may be a file of any name.
    """

    stored: StoredObject
    generation: str
    encrypted_to: tuple[str, ...]
    files: tuple[ArchivedFile, ...]


def pieces_of(snapshot: Snapshot) -> Iterator[Piece]:
    """All files of a snapshot, each in one piece."""
    yield Piece("components", SNAPSHOT, snapshot.metadata)
    for sstable in snapshot.sstables:
        data = f"{sstable.prefix}-{DATA}"
        generation = sstable.prefix.split("-")[1]
        yield Piece("data", generation, tuple(file for file in sstable.components if file.name == data))
        yield Piece("components", generation, tuple(file for file in sstable.components if file.name != data))


def object_names(piece: Piece, suffix: str, plain_sha256: Callable[[], str]) -> Iterator[str]:
    """What the object of a piece may be called, the best name first; none comes twice.

    Args:
        piece: what it is made of.
        suffix: tells how it is compressed and encrypted.
        plain_sha256: of its content; asked only if the first name is taken, and for the snapshot's own files.
    """
    ending = f"-{DATA}" if piece.role == "data" else "-components.tar"
    if piece.generation == SNAPSHOT:
        ending = ".tar"
    else:
        yield f"{piece.generation}{ending}{suffix}"
    stem = f"{piece.generation}-{plain_sha256()[:HASH_DIGITS]}"
    yield f"{stem}{ending}{suffix}"
    for number in count(2):
        yield f"{stem}-{number}{ending}{suffix}"


def generation_of(name: str) -> str:
    """The generation in the name of an object."""
    return name.split("-", maxsplit=1)[0]
