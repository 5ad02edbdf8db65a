import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_core.encryption import Identities, decrypted, encrypted, parse_recipients, read_identities
from backup_core.errors import BackupError, IntegrityError, PermissionDeniedError, SettingsError, SourceError
from tests.storage_samples import MIB, noise


KEY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()
PUBLIC, OTHER_PUBLIC = str(KEY.to_public()), str(OTHER.to_public())

AGE = shutil.which("age")


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    """Of KEY."""
    return read_identities(identity_file(tmp_path))


def identity_file(directory: Path, *keys: str, comment: str = "# created: 2026-11-22") -> Path:
    """As `age-keygen` writes it."""
    path = directory / "keys.txt"
    path.write_text("\n".join([comment, f"# public key: {PUBLIC}", *(keys or (str(KEY),)), ""]))
    return path


def sealed(content: bytes, *keys: str) -> bytes:
    """Content, encrypted to some keys, else to KEY's."""
    return b"".join(encrypted(in_blocks(content), parse_recipients(keys or (PUBLIC,))))


def in_blocks(content: bytes, block_bytes: int = 300_000) -> Iterator[bytes]:
    """A stream of blocks."""
    return (content[start : start + block_bytes] for start in range(0, len(content), block_bytes))


@given(st.lists(st.binary(min_size=1, max_size=200_000), max_size=4))
def test_what_is_encrypted_comes_back(blocks: list[bytes]) -> None:
    """Any stream, in blocks of any size, is the same when it was encrypted and decrypted."""
    stored = encrypted(iter(blocks), parse_recipients([PUBLIC]))
    assert b"".join(decrypted(stored, Identities((KEY,)), "it")) == b"".join(blocks)


def test_each_recipient_can_read_it(tmp_path: Path) -> None:
    """What is encrypted to two keys is read with either of them, and with a file that has others besides."""
    stored = sealed(b"rows", PUBLIC, OTHER_PUBLIC)
    stranger = str(pyrage.x25519.Identity.generate())
    for keys in ((str(KEY),), (stranger, str(OTHER))):
        identities = read_identities(identity_file(tmp_path, *keys))
        assert b"".join(decrypted(iter([stored]), identities, "it")) == b"rows"


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """Where none of the identities is a recipient's, that is a matter of permission."""
    identities = read_identities(identity_file(tmp_path, str(OTHER)))
    with pytest.raises(PermissionDeniedError, match="it is encrypted, and none of the given identities can read it"):
        list(decrypted(iter([sealed(b"rows")]), identities, "it"))


@pytest.mark.skipif(AGE is None, reason="the age command isn't installed")
def test_the_age_command_reads_and_writes_the_same(tmp_path: Path, identities: Identities) -> None:
    """`age --decrypt` reads what we write, and what `age --encrypt` writes is read here."""
    content, keys = noise(2 * MIB), identity_file(tmp_path)
    opened = subprocess.run(
        [str(AGE), "--decrypt", "--identity", keys], input=sealed(content), capture_output=True, check=True
    ).stdout
    assert opened == content
    stored = subprocess.run(
        [str(AGE), "--encrypt", "--recipient", PUBLIC], input=content, capture_output=True, check=True
    ).stdout
    assert b"".join(decrypted(in_blocks(stored), identities, "it")) == content


@pytest.mark.parametrize("place", [0.02, 0.3, 0.9999])
def test_damage_is_found(identities: Identities, place: float) -> None:
    """A changed byte anywhere, or an end that is missing, is damage."""
    stored = sealed(noise(MIB))
    at = int(len(stored) * place)
    flipped = stored[:at] + bytes((stored[at] ^ 1,)) + stored[at + 1 :]
    for damaged in (flipped, stored[:at], stored + b"x"):
        with pytest.raises(IntegrityError, match="it can't be decrypted"):
            list(decrypted(in_blocks(damaged), identities, "it"))


@given(st.binary(max_size=100))
def test_garbage_is_damage(content: bytes) -> None:
    """What was never encrypted can't be decrypted."""
    with pytest.raises(IntegrityError):
        list(decrypted(iter([content] if content else []), Identities((KEY,)), "it"))


def test_what_the_stream_raises_comes_through(identities: Identities) -> None:
    """An error of whoever gives the blocks stays that error, cause and all, on the way in and on the way out."""
    cause = OSError("gone")

    def failing(blocks: Iterator[bytes]) -> Iterator[bytes]:
        yield from blocks
        raise SourceError("the file has vanished") from cause

    stored = sealed(noise(MIB))
    for stream in (
        encrypted(failing(in_blocks(b"x" * MIB)), parse_recipients([PUBLIC])),
        decrypted(failing(in_blocks(stored[: MIB // 2])), identities, "it"),
    ):
        with pytest.raises(SourceError, match="vanished") as raised:
            list(stream)
        assert raised.value.__cause__ is cause


def test_no_more_is_read_than_is_soon_taken() -> None:
    """A stream of any size needs the memory of a few blocks: the source waits for whoever takes them."""
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield bytes(MIB)

    with closing(encrypted(endless(), parse_recipients([PUBLIC]))) as stream:
        for taken in range(1, 20):
            next(stream)
            assert read <= taken + 5


def test_a_stream_that_is_left_ends_its_thread(identities: Identities) -> None:
    """Whoever takes no more blocks leaves no thread behind."""
    before = set(threading.enumerate())
    with closing(encrypted(iter(lambda: bytes(MIB), b""), parse_recipients([PUBLIC]))) as stream:
        next(stream)
    with closing(decrypted(in_blocks(sealed(noise(5 * MIB))), identities, "it")) as stream:
        next(stream)
    assert not set(threading.enumerate()) - before


def test_recipients_are_told_apart() -> None:
    """The same keys in any order are the same recipients; none are none."""
    assert parse_recipients([f" {OTHER_PUBLIC}\n", PUBLIC, OTHER_PUBLIC]) == parse_recipients([PUBLIC, OTHER_PUBLIC])
    assert parse_recipients([PUBLIC]) != parse_recipients([OTHER_PUBLIC])
    assert not parse_recipients([])


@pytest.mark.parametrize("key", ["age1", PUBLIC[:-1], "ssh-ed25519 AAAA", ""], ids=["short", "cut", "ssh", "empty"])
def test_what_is_no_public_key_is_refused(key: str) -> None:
    """Whatever isn't a public key of age is a mistake in the settings, and named."""
    with pytest.raises(SettingsError, match="is no public key of age") as raised:
        parse_recipients([PUBLIC, key])
    assert repr(key) in str(raised.value)


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_a_private_key_in_the_settings_is_not_repeated(change: Callable[[str], str]) -> None:
    """Who puts the private key where the public one belongs is told so, without the key in the message."""
    with pytest.raises(SettingsError, match="holds a private key") as raised:
        parse_recipients([change(str(KEY))])
    assert str(KEY).upper()[15:40] not in str(raised.value).upper()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# nothing\n\n", "has no key in it"),
        (f"# a\n{str(KEY)[:-1]}\n", "Line 2 of the identity file .* is no private key of age"),
        (f"{PUBLIC}\n", "Line 1 of the identity file .* is no private key"),
        ("age-encryption.org/v1\n-> scrypt\n", "is itself encrypted"),
    ],
    ids=["empty", "cut", "public", "encrypted"],
)
def test_what_is_no_identity_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """Each way in which a file can be no identity file is told, and nothing of what it holds."""
    path = tmp_path / "keys.txt"
    path.write_text(content)
    with pytest.raises(SettingsError, match=message) as raised:
        read_identities(path)
    assert str(KEY)[15:40] not in str(raised.value)


def test_an_identity_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Missing, it is a mistake in what was given; unreadable, a matter of permission."""
    with pytest.raises(SettingsError, match=r"keys\.txt: No such file"):
        read_identities(tmp_path / "keys.txt")


def test_without_pyrage_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra isn't installed, the message says how to install it."""
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(SettingsError, match=r"pip install 'alternator-backup\[encrypt\]'") as raised:
        parse_recipients([PUBLIC])
    assert isinstance(raised.value, BackupError)
