"""Decides, purely, which stored object is a piece of a snapshot already."""

from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime

from backup_core.model import SourceFile
from backup_core.repository.incremental.pieces import KnownObject, Piece


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def usable(
    objects: Iterable[KnownObject], *, encrypted_to: tuple[str, ...], unusable: Container[str]
) -> tuple[KnownObject, ...]:
    """The objects that a backup may use.

    Args:
        objects: those that are stored.
        encrypted_to: whoever must be able to read them, and nobody else.
        unusable: names of objects that were found damaged, or that the backup uses already.
    """
    return tuple(each for each in objects if each.encrypted_to == encrypted_to and each.stored.name not in unusable)


def undecided(piece: Piece, known: Mapping[str, str], objects: Iterable[KnownObject]) -> tuple[SourceFile, ...]:
    """The files of a piece that have to be read to know whether one of the objects is it.

    Args:
        piece: of the snapshot.
        known: SHA-256 of the snapshot's files, by name, as far as they are known.
        objects: usable ones.
    """
    if piece.role == "data" or not any(_may_be(piece, known, each) for each in objects):
        return ()
    return tuple(file for file in piece.files if file.name not in known)


def stored_as(piece: Piece, known: Mapping[str, str], objects: Iterable[KnownObject]) -> KnownObject | None:
    """The object that a piece is stored as; None if there is none: then it has to be sent.

    Args:
        piece: of the snapshot.
        known: SHA-256 of the snapshot's files, by name, as far as they are known.
        objects: usable ones.
    """
    is_it = _is_data if piece.role == "data" else _is_tar
    return _last_read(each for each in objects if is_it(piece, known, each))


def same_content(
    source: KnownObject, objects: Iterable[KnownObject], *, unusable: Container[str]
) -> KnownObject | None:
    """The object here that an object of another repository needn't be sent for; None if there is none.

    Args:
        source: of the other repository.
        objects: those that are stored here.
        unusable: names of objects that were found damaged, or that the backup uses already.
    """
    here = usable(objects, encrypted_to=source.encrypted_to, unusable=unusable)
    return _last_read(each for each in here if _content(each) == _content(source))


def _last_read(objects: Iterable[KnownObject]) -> KnownObject | None:
    """Where there are several, the one that was held against its digest last says most."""
    return max(objects, key=lambda each: (each.stored.read_at or _LONG_AGO, each.stored.name), default=None)


def _content(known: KnownObject) -> tuple[str, int, str]:
    return known.stored.role, known.stored.plain_size_bytes, known.stored.plain_sha256


def _is_data(piece: Piece, known: Mapping[str, str], candidate: KnownObject) -> bool:
    (file,) = piece.files
    stored = candidate.stored
    expected = ("data", file.size_bytes, file.crc32)
    if file.crc32 is None or (stored.role, stored.plain_size_bytes, stored.crc32) != expected:
        return False
    # A file that was never seen, as after a move to another disk, is known by its digest: it needn't be read.
    return known[file.name] == stored.plain_sha256 if file.name in known else candidate.generation == piece.generation


def _is_tar(piece: Piece, known: Mapping[str, str], candidate: KnownObject) -> bool:
    return _may_be(piece, known, candidate) and all(file.name in known for file in piece.files)


def _may_be(piece: Piece, known: Mapping[str, str], candidate: KnownObject) -> bool:
    """Whether nothing that is known of a tar's files speaks against an object."""
    if candidate.stored.role != "components" or len(candidate.files) != len(piece.files):
        return False
    inside = {file.name: file for file in candidate.files}
    for file in piece.files:
        found = inside.get(file.name)
        if found is None or found.size_bytes != file.size_bytes or known.get(file.name, found.sha256) != found.sha256:
            return False
    return True
