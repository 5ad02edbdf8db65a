import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from backup_core.model import SourceFile
from backup_core.repository.incremental.keys import TableKeys
from backup_core.repository.incremental.pieces import SNAPSHOT, KnownObject, Piece, generation_of, object_names
from backup_core.repository.incremental.planning import stored_as, undecided, usable
from backup_core.repository.manifest import ArchivedFile, StoredObject
from tests.repository_backups import TABLE_ID


GENERATIONS = ("5", "6", "3g8w_00qf_4pbog2i7h2c7am0uoe")
CONTENTS = (b"", b"one", b"two", b"three", b"forty-two")
RECIPIENTS: tuple[tuple[str, ...], ...] = ((), ("age1a",), ("age1a", "age1b"))
COMPONENTS = ("Digest.crc32", "Statistics.db", "TOC.txt")
NOW = datetime(2026, 11, 22, tzinfo=UTC)

Contents = Mapping[str, bytes]


@dataclass(frozen=True)
class Stored:
    """An object, and what really is in it."""

    known: KnownObject
    contents: Contents


def sha256(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()


def piece_of(role: Literal["data", "components"], generation: str, contents: Contents) -> Piece:
    """A piece with these files."""
    crc32s = {name: zlib.crc32(content) if role == "data" else None for name, content in contents.items()}
    files = tuple(SourceFile(name, len(content), crc32s[name]) for name, content in contents.items())
    return Piece(role, generation, files)


@st.composite
def pieces(draw: st.DrawFn) -> tuple[Piece, Contents]:
    """A piece of a snapshot, and what really is in its files."""
    generation = draw(st.sampled_from(GENERATIONS))
    prefix = f"me-{generation}-big"
    if draw(st.booleans()):
        contents = {f"{prefix}-Data.db": draw(st.sampled_from(CONTENTS))}
        return piece_of("data", generation, contents), contents
    names = draw(st.lists(st.sampled_from(COMPONENTS), min_size=1, unique=True))
    contents = {f"{prefix}-{name}": draw(st.sampled_from(CONTENTS)) for name in names}
    return piece_of("components", generation, contents), contents


@st.composite
def stored_objects(draw: st.DrawFn) -> Stored:
    """An object that was made of some piece, encrypted to somebody or nobody."""
    piece, contents = draw(pieces())
    name = f"{piece.generation}-{draw(st.integers(0, 99))}"
    whole = b"".join(contents.values())
    stored = StoredObject(
        name=name,
        role=piece.role,
        plain_size_bytes=len(whole),
        plain_sha256=sha256(whole),
        stored_size_bytes=len(whole),
        stored_sha256=sha256(whole),
        compression="none",
        crc32=piece.files[0].crc32,
        read_at=draw(st.none() | st.integers(0, 9).map(lambda hours: NOW + timedelta(hours=hours))),
    )
    files = [ArchivedFile(name=n, size_bytes=len(c), sha256=sha256(c), object=name) for n, c in contents.items()]
    inside = () if piece.role == "data" else tuple(files)
    return Stored(KnownObject(stored, piece.generation, draw(st.sampled_from(RECIPIENTS)), inside), contents)


OBJECTS = st.lists(stored_objects(), max_size=6, unique_by=lambda each: each.known.stored.name)


def is_content_of(stored: Stored, piece: Piece, contents: Contents) -> bool:
    """Whether an object really is a piece: data by its bytes, whatever the file was called; a tar by names as well."""
    if stored.known.stored.role != piece.role:
        return False
    if piece.role == "data":
        return list(stored.contents.values()) == list(contents.values())
    return stored.contents == contents


@given(pieces(), OBJECTS, st.sampled_from(RECIPIENTS), st.data())
def test_only_what_is_the_same_is_used(
    wanted: tuple[Piece, Contents], objects: list[Stored], encrypted_to: tuple[str, ...], data: st.DataObject
) -> None:
    """Whatever is known of a piece, it is never taken for an object of other content, other readers, or no use."""
    piece, contents = wanted
    known = {name: sha256(contents[name]) for name in data.draw(st.sets(st.sampled_from(sorted(contents))))}
    unusable = data.draw(st.sets(st.sampled_from([each.known.stored.name for each in objects]))) if objects else set()
    allowed = usable((each.known for each in objects), encrypted_to=encrypted_to, unusable=unusable)
    found = stored_as(piece, known, allowed)
    if found is not None:
        (it,) = (each for each in objects if each.known == found)
        assert is_content_of(it, piece, contents)
        assert found.encrypted_to == encrypted_to
        assert found.stored.name not in unusable


@given(pieces(), OBJECTS)
def test_what_is_the_same_is_found(wanted: tuple[Piece, Contents], objects: list[Stored]) -> None:
    """A piece whose files were all read before is found, under whatever name it was stored; nothing is read for it."""
    piece, contents = wanted
    known = {name: sha256(content) for name, content in contents.items()}
    candidates = [each.known for each in objects]
    found = stored_as(piece, known, candidates)
    assert (found is not None) == any(is_content_of(each, piece, contents) for each in objects)
    assert undecided(piece, known, candidates) == ()


@given(pieces(), OBJECTS)
def test_what_has_to_be_read_decides(wanted: tuple[Piece, Contents], objects: list[Stored]) -> None:
    """Of files that were never seen, a Data.db is known by its digest; others are read, if that can tell anything."""
    piece, contents = wanted
    candidates = [each.known for each in objects]
    known = {file.name: sha256(contents[file.name]) for file in undecided(piece, {}, candidates)}
    found = stored_as(piece, known, candidates)
    same = [each for each in objects if is_content_of(each, piece, contents)]
    if piece.role == "data":
        assert not known
        same = [each for each in same if each.known.generation == piece.generation]
    assert (found is not None) == bool(same)


@given(pieces(), OBJECTS)
def test_of_several_the_last_that_was_checked_is_used(wanted: tuple[Piece, Contents], objects: list[Stored]) -> None:
    """Of several objects with the same content, the one whose digest was compared last is used."""
    piece, contents = wanted
    known = {name: sha256(content) for name, content in contents.items()}
    found = stored_as(piece, known, [each.known for each in objects])
    moments = [each.known.stored.read_at for each in objects if is_content_of(each, piece, contents)]
    if found is not None:
        assert found.stored.read_at == max((moment for moment in moments if moment is not None), default=None)


def test_without_a_digest_a_file_has_to_be_read() -> None:
    """A Data.db of which no CRC-32 is known is never taken for another one of its size."""
    stored = StoredObject(
        name="5-Data.db",
        role="data",
        plain_size_bytes=3,
        plain_sha256=sha256(b"one"),
        stored_size_bytes=3,
        stored_sha256=sha256(b"one"),
        compression="none",
    )
    piece = Piece("data", "5", (SourceFile("me-5-big-Data.db", 3),))
    assert stored_as(piece, {}, [KnownObject(stored, "5", (), ())]) is None


@given(
    st.sampled_from((*GENERATIONS, SNAPSHOT)),
    st.sampled_from(["", ".zst", ".age", ".zst.age"]),
    st.booleans(),
    st.binary(),
)
def test_names_are_distinct_and_ours(generation: str, suffix: str, is_data: bool, content: bytes) -> None:
    """An object has as many names to choose from as it takes; each tells its generation, and is known as ours."""
    role: Literal["data", "components"] = "data" if is_data and generation != SNAPSHOT else "components"
    piece = Piece(role, generation, ())
    names = list(islice(object_names(piece, suffix, lambda: sha256(content)), 20))
    keys = TableKeys("users", TABLE_ID)
    assert len(set(names)) == len(names)
    assert {generation_of(name) for name in names} == {generation}
    assert all(keys.is_own(keys.object(name)) for name in names)
    assert all(name.endswith(suffix) for name in names)
    if generation != SNAPSHOT:
        # Nothing is read for the first one.
        assert names[0] == next(object_names(piece, suffix, str))
