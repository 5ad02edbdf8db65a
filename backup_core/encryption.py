"""Encryption by age (age-encryption.org/v1): to public keys, so that whoever stores a backup can't read it back.

What comes out is what the `age` command line reads and writes. pyrage is an extra, and is imported where it is needed.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backup_core.compression import BLOCK_BYTES
from backup_core.errors import IntegrityError, PermissionDeniedError, SettingsError
from backup_core.read_ahead import HandOver, ReadAhead


_SECRET_PREFIX = "AGE-SECRET-KEY-"  # noqa: S105  (what such a key starts with)
_AGE_HEADERS = ("age-encryption.org/", "-----BEGIN AGE")
_NO_MATCH = "No matching keys found"
"""What pyrage says where none of the identities is a recipient's."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whoever can read what is encrypted. Made by `parse_recipients`; false where there are none: then nothing is.

    Attributes:
        keys: their public keys, each once, sorted.
    """

    keys: tuple[str, ...]
    parsed: tuple[Any, ...] = field(repr=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.keys)


@dataclass(frozen=True, slots=True)
class Identities:
    """Private keys. Made by `read_identities`; nothing of them is ever printed."""

    parsed: tuple[Any, ...] = field(repr=False, compare=False)


def parse_recipients(keys: Iterable[str]) -> Recipients:
    """Public keys as `age-keygen` prints them: "age1...".

    Raises:
        SettingsError: one is none, or pyrage isn't installed.
    """
    distinct = tuple(sorted({key.strip() for key in keys}))
    return Recipients(distinct, tuple(_recipient(key) for key in distinct))


def read_identities(path: Path) -> Identities:
    """The private keys of an identity file as `age-keygen` writes it: a key a line, and comments behind #.

    Raises:
        SettingsError: it isn't there or isn't such a file, or pyrage isn't installed.
        PermissionDeniedError: this user may not read it.
    """
    lines = (line.strip() for line in _identity_file(path).splitlines())
    keys = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not keys:
        raise SettingsError(f"The identity file {path} has no key in it.", hint=f"It needs a line {_SECRET_PREFIX}...")
    return Identities(tuple(_identity(path, number, key) for number, key in keys))


def encrypted(blocks: Iterator[bytes], recipients: Recipients) -> Generator[bytes]:
    """A stream, encrypted in a thread of its own; another one each time, since age draws a new key for each.

    Args:
        blocks: the plain stream, read in that thread; what it raises, this raises.
        recipients: at least one.
    """
    pyrage = _pyrage()
    return _piped(blocks, lambda source, sink: pyrage.encrypt_io(source, sink, list(recipients.parsed)))


def decrypted(blocks: Iterator[bytes], identities: Identities, what: str) -> Generator[bytes]:
    """The plain stream, decrypted in a thread of its own. Each block that comes is the one that was encrypted.

    Args:
        blocks: the encrypted stream, read in that thread; what it raises, this raises.
        identities: one of them has to be a recipient's.
        what: it is, for messages.

    Raises:
        PermissionDeniedError: none of them is.
        IntegrityError: it is damaged, cut short, or no such stream.
    """
    pyrage = _pyrage()

    def decrypt(source: _Source, sink: _Sink) -> None:
        try:
            pyrage.decrypt_io(source, sink, list(identities.parsed))
        except (pyrage.DecryptError, OSError) as error:
            if str(error) != _NO_MATCH:
                raise IntegrityError(f"{what} can't be decrypted: {error}") from error
            raise PermissionDeniedError(
                f"{what} is encrypted, and none of the given identities can read it.",
                hint="Give the identity file of one of the keys that it was encrypted to; its manifest names them.",
            ) from error

    return _piped(blocks, decrypt)


def _pyrage() -> Any:
    try:
        import pyrage  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise SettingsError(
            "Encryption needs the package pyrage, which isn't installed.",
            hint="Install it: pip install 'alternator-backup[encrypt]'.",
        ) from error
    return pyrage


def _recipient(key: str) -> Any:
    pyrage = _pyrage()
    if key.upper().startswith(_SECRET_PREFIX):
        raise SettingsError(
            "encrypt_to holds a private key.",
            hint="Put the public key there, age1..., which `age-keygen -y` prints; this one is no secret any more.",
        )
    try:
        return pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        raise SettingsError(
            f"{key!r} is no public key of age.", hint="One starts with age1 and is what `age-keygen` prints."
        ) from error


def _identity_file(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except PermissionError as error:
        raise PermissionDeniedError(
            f"Failed to read the identity file {path}: {error.strerror}",
            hint="Run as the user that it belongs to; nobody else should be able to read it.",
        ) from error
    except OSError as error:
        raise SettingsError(f"Failed to read the identity file {path}: {error.strerror}") from error
    if text.startswith(_AGE_HEADERS):
        raise SettingsError(
            f"The identity file {path} is itself encrypted.", hint="Decrypt it first: age --decrypt --output KEYS FILE."
        )
    return text


def _identity(path: Path, number: int, key: str) -> Any:
    pyrage = _pyrage()
    try:
        return pyrage.x25519.Identity.from_str(key)
    except pyrage.IdentityError as error:
        raise SettingsError(
            f"Line {number} of the identity file {path} is no private key of age.",
            hint=f"A line is {_SECRET_PREFIX}..., as `age-keygen` writes it, or starts with #.",
        ) from error


class _Source:
    """Blocks as a file; `error` is what ended them."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.error: BaseException | None = None
        self._blocks = blocks
        self._left = memoryview(b"")

    def read(self, size_bytes: int) -> bytes:
        try:
            while not self._left:
                self._left = memoryview(next(self._blocks))
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error
            raise
        part, self._left = self._left[:size_bytes], self._left[size_bytes:]
        return bytes(part)


class _Sink:
    """A file that hands on large blocks; `error` is what whoever takes them raised."""

    def __init__(self, hand_over: HandOver) -> None:
        self.error: BaseException | None = None
        self._hand_over = hand_over
        self._block = bytearray()

    def write(self, part: bytes) -> int:
        self._block += part
        if len(self._block) >= BLOCK_BYTES:
            self.flush()
        return len(part)

    def flush(self) -> None:
        block, self._block = bytes(self._block), bytearray()
        if not block:
            return
        try:
            self._hand_over(block)
        except BaseException as error:
            self.error = error
            raise


def _piped(blocks: Iterator[bytes], work: Callable[[_Source, _Sink], None]) -> Generator[bytes]:
    def make(hand_over: HandOver) -> None:
        source, sink = _Source(blocks), _Sink(hand_over)
        try:
            work(source, sink)
            sink.flush()
        except Exception:
            # Of what its files raise, pyrage keeps but the text.
            own = source.error or sink.error
            if own is None:
                raise
            raise own from own.__cause__

    reader = ReadAhead(make)
    try:
        yield from iter(reader.read, b"")
    finally:
        reader.close()
